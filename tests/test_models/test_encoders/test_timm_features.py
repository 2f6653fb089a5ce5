"""``TimmFeatures``: maps, names, weights from files, and what is refused."""

import copy

import pytest
import torch
from bits import other_bits
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from safetensors.torch import save_file
from timm_models import FAMILIES, needs_timm
from torch.nn import functional

from gps_seg.models import TimmFeatures

pytestmark = pytest.mark.optional
VIT = FAMILIES['dinov3']
FUSED = {
    # Calls in two blocks, or in one block of each of four stages.
    **dict.fromkeys(['dinov2', 'dinov3', 'eva02', 'siglip2', 'sam'], 2),
    'hiera': 4,
    'swinv2': 0,
    'convnextv2': 0,
}


@pytest.fixture(autouse=True)
def timm():
    return needs_timm()


def build(family, checkpoint=None, **changes):
    init_default_scope('mmseg')
    settings = family.backbone | changes
    if checkpoint is not None:
        settings['init_cfg'] = dict(
            type='Pretrained', checkpoint=str(checkpoint)
        )
    return MODELS.build(settings)


def plain(timm, family):
    """The model as timm builds it, with random values in every tensor."""
    settings = dict(family.settings)
    if family.knows_one_size:
        settings['img_size'] = family.side
    model = timm.create_model(family.model_name, **settings)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.normal_(std=0.1)
    return model.eval()


def images(family):
    return torch.randn(2, 3, family.side, family.side)


@pytest.mark.parametrize('name', FAMILIES)
def test_the_maps_are_those_of_timm_with_the_weights_of_a_file(
    timm, name, tmp_path
):
    family = FAMILIES[name]
    reference = plain(timm, family)
    file = tmp_path / 'model.safetensors'
    save_file(reference.state_dict(), file)
    backbone = build(family, file).eval()
    backbone.init_weights()
    x = images(family)
    expected = reference.forward_intermediates(
        x,
        indices=list(range(len(family.widths))),
        norm=name in ('dinov2', 'dinov3', 'eva02', 'siglip2'),
        output_fmt='NCHW',
        intermediates_only=True,
    )
    maps = backbone(x)
    assert [each.shape[1] for each in maps] == list(family.widths)
    for one, other in zip(maps, expected, strict=True):
        assert not other_bits(one, other).any()


@pytest.mark.parametrize('name', FAMILIES)
def test_attention_that_timm_fuses(name, monkeypatch):
    calls = []
    attention = functional.scaled_dot_product_attention

    def counted(*args, **kwargs):
        calls.append(args)
        return attention(*args, **kwargs)

    monkeypatch.setattr(functional, 'scaled_dot_product_attention', counted)
    build(FAMILIES[name])(images(FAMILIES[name]))
    assert len(calls) == FUSED[name]


def test_the_names_are_those_of_timm(timm):
    backbone, model = build(VIT), plain(timm, VIT)
    theirs = [n for n, _ in model.named_parameters() if 'head.' not in n]
    assert [name for name, _ in backbone.named_parameters()] == theirs
    modules = {id(module) for module in backbone.modules()}
    assert id(backbone.timm_model) not in modules


def test_a_copy_is_a_model_of_its_own():
    backbone = build(VIT)
    other = copy.deepcopy(backbone).double().eval()
    x = images(VIT)
    assert other(x.double())[-1].dtype is torch.float64
    assert backbone(x)[-1].dtype is torch.float32
    with torch.no_grad():
        other.cls_token.fill_(100.0)
    assert other.timm_model.cls_token is other.cls_token
    assert backbone.cls_token.max() < 100
    assert backbone.timm_model.training
    assert not other.timm_model.training


def test_what_lies_behind_the_last_map_is_left_out():
    backbone = build(VIT, out_indices=(0,))
    names = {n.split('.')[1] for n in backbone.state_dict() if 'block' in n}
    assert names == {'0'}
    assert build(VIT, out_indices=(-1,)).out_indices == (1,)


def test_a_file_of_another_size_of_image_is_resized(timm, tmp_path):
    family = FAMILIES['dinov2']
    model = plain(timm, family)
    save_file(model.state_dict(), tmp_path / 'vit.safetensors')
    backbone = build(family, tmp_path / 'vit.safetensors', img_size=(56, 42))
    backbone.init_weights()
    assert backbone.pos_embed.shape[1] == 4 * 3 + 1
    maps = backbone(torch.randn(1, 3, 56, 42))
    assert maps[0].shape == (1, 24, 4, 3)
    same = 'blocks.0.attn.qkv.weight'
    assert torch.equal(backbone.state_dict()[same], model.state_dict()[same])


@pytest.mark.parametrize('scheme', ['timm', 'weights'])
def test_a_local_file_comes_first(timm, folder, scheme):
    model = plain(timm, VIT)
    save_file(model.state_dict(), folder / f'{VIT.model_name}.safetensors')
    backbone = build(VIT, f'{scheme}://{VIT.model_name}')
    backbone.init_weights()
    assert torch.equal(backbone.reg_token, model.reg_token)


def test_weights_are_loaded_once(timm, folder):
    save_file(plain(timm, VIT).state_dict(), folder / 'mine.safetensors')
    backbone = build(VIT, 'weights://mine')
    backbone.init_weights()
    with torch.no_grad():
        backbone.cls_token.fill_(3.0)
    backbone.init_weights()
    assert (backbone.cls_token == 3).all()


def test_without_a_network_the_error_says_which_file_to_put_where(folder):
    name = 'vit_small_patch16_dinov3.lvd1689m'
    backbone = build(VIT, f'timm://{name}')
    with pytest.raises(FileNotFoundError) as caught:
        backbone.init_weights()
    message = str(caught.value)
    assert f'{folder / name}.safetensors' in message
    assert f'https://huggingface.co/timm/{name}' in message
    assert 'GPS_SEG_WEIGHTS' in message
    assert '\n' not in message


@pytest.mark.parametrize(
    ('change', 'expected'),
    [
        (lambda tensors: tensors.pop('reg_token'), 'reg_token'),
        (lambda tensors: tensors.update(extra=torch.ones(2)), 'extra'),
        (
            lambda tensors: tensors.update(cls_token=torch.ones(1, 1, 3)),
            'cls_token',
        ),
    ],
)
def test_a_file_that_does_not_fit_is_refused(timm, tmp_path, change, expected):
    tensors = dict(plain(timm, VIT).state_dict())
    change(tensors)
    file = tmp_path / 'other.safetensors'
    save_file(tensors, file)
    backbone = build(VIT, file)
    with pytest.raises(ValueError, match=expected) as caught:
        backbone.init_weights()
    assert '\n' not in str(caught.value)


def test_a_pickle_with_other_content_is_not_run(tmp_path):
    torch.save({'cls_token': print}, tmp_path / 'evil.pth')
    backbone = build(VIT, tmp_path / 'evil.pth')
    with pytest.raises(ValueError, match='not read'):
        backbone.init_weights()


@pytest.mark.parametrize(
    ('changes', 'expected'),
    [
        ({'model_name': 'vit_smal_patch16_dinov3'}, 'vit_small_patch16_dino'),
        ({'model_name': 'vit_small_patch16_dinov3.x'}, 'lvd1689m'),
        ({'model_name': 'hf-hub:someone/model'}, 'unknown name'),
        ({'model_name': 'local-dir:/tmp'}, 'unknown name'),
        ({'pretrained': True}, 'Weights belong in init_cfg'),
        ({'checkpoint_path': 'x.pth'}, 'Weights belong in init_cfg'),
        ({'widht': 3}, 'widht'),
        ({'out_indices': (0, 2)}, 'out_indices: expected .* 2 blocks'),
    ],
)
def test_settings_that_are_refused(changes, expected):
    settings = VIT.backbone | changes
    settings.pop('type')
    with pytest.raises(ValueError, match=expected):
        TimmFeatures(**settings)


def test_a_model_of_any_size_takes_no_size():
    family = FAMILIES['convnextv2']
    settings = family.backbone | {'img_size': 64}
    settings.pop('type')
    with pytest.raises(ValueError, match='img_size is for models that know'):
        TimmFeatures(**settings)


def test_another_initialiser_is_refused():
    backbone = TimmFeatures('test_vit', (0,), init_cfg=dict(type='Xavier'))
    with pytest.raises(ValueError, match='Pretrained'):
        backbone.init_weights()
