"""``docs/encoders.md`` says what is so, and its example runs."""

import copy
import re
from pathlib import Path

import pytest
import torch
from bits import other_bits
from mmengine import Config
from timm_models import needs_timm
from torch import nn
from torch.nn.modules.conv import _ConvNd

from gps_seg import GPS, Delta, apply, revert, tune
from gps_seg.delta import extract
from gps_seg.models import TimmFeatures
from gps_seg.models.encoders import encoder_names, find_encoder
from gps_seg.sparse import Role
from gps_seg.stack import let_torchvision_import_beside_cpu_torch

REPO = Path(__file__).resolve().parents[3]
TEXT = (REPO / 'docs/encoders.md').read_text(encoding='utf-8')
ROWS = {
    name: [cell.strip() for cell in cells.split('|')]
    for name, cells in re.findall(r'^\| `([^`]+)` \|(.*)\|$', TEXT, re.M)
}
SNIPPETS = re.findall(r'```python\n(.*?)```', TEXT, re.DOTALL)
FULL_SIZE = [name for name in ROWS if '_' in name and name.islower()]
FULL_SIZE = [name for name in FULL_SIZE if name not in encoder_names()]


@pytest.fixture(scope='module')
def transformers():
    let_torchvision_import_beside_cpu_torch()
    return pytest.importorskip(
        'transformers', reason="transformers is not there: '.[sam]'"
    )


def row_of(name):
    encoder = find_encoder(name)
    channels = ', '.join(map(str, encoder.channels))
    return [str(encoder.patch), channels, encoder.licence]


def test_every_name_of_the_lists_has_a_row():
    assert set(encoder_names()) <= ROWS.keys()


@pytest.mark.parametrize('name', [n for n in encoder_names() if ':' not in n])
def test_a_row_of_the_catalogue(name):
    assert ROWS[name] == row_of(name)


@pytest.mark.optional
@pytest.mark.parametrize('name', [n for n in encoder_names() if ':' in n])
def test_a_row_of_timm(name):
    needs_timm()
    assert ROWS[name] == row_of(name)


@pytest.mark.optional
@pytest.mark.parametrize('name', FULL_SIZE)
def test_the_numbers_at_full_size(name):
    needs_timm()
    indices = find_encoder(f'timm:{name}').backbone['out_indices']
    with torch.device('meta'):
        model = nn.ModuleDict({'backbone': TimmFeatures(name, indices)})
    roles = GPS(k=1).roles(model)
    total = selected = whole = 0
    for each, parameter in model.named_parameters():
        total += parameter.numel()
        if roles[each] is Role.SELECTED:
            selected += parameter.shape[0]
        elif roles[each] is Role.WHOLE:
            whole += parameter.numel()
    assert ROWS[name] == [f'{n:,}' for n in (total, selected, whole)]


def test_the_numbers_are_of_eight_families():
    assert len(FULL_SIZE) == 8


def test_the_first_snippet_finds_an_encoder():
    names = {}
    exec(SNIPPETS[0], names)
    assert names['backbone']['img_size'] == (252, 252)


def test_the_backbone_is_that_of_the_config():
    names = {}
    exec(SNIPPETS[1], names)
    file = REPO / 'configs/_base_/models/vit-s16_dinov3_fcn.py'
    config = Config.fromfile(file).model.backbone
    assert names['model']['backbone'] == config.to_dict()


@pytest.mark.optional
def test_the_config_is_the_encoder_of_that_name():
    needs_timm()
    file = REPO / 'configs/_base_/models/vit-s16_dinov3_fcn.py'
    model = Config.fromfile(file).model.to_dict()
    encoder = find_encoder('timm:vit_small_patch16_dinov3')
    assert encoder.backbone_for((256, 256)) == model['backbone']
    assert model['decode_head']['in_channels'] == list(encoder.channels)
    pixels = model['data_preprocessor']
    assert pixels['mean'] == list(encoder.mean)
    assert pixels['std'] == list(encoder.std)


def neurons_and_biases(encoder):
    """By the shapes of layers: neurons, and values of their biases."""
    layers = [
        module
        for module in encoder.modules()
        if isinstance(module, nn.Linear | _ConvNd)
    ]
    biases = [layer.bias.numel() for layer in layers if layer.bias is not None]
    return sum(layer.weight.shape[0] for layer in layers), sum(biases)


def differing(state, expected):
    assert state.keys() == expected.keys()
    return [
        name
        for name, tensor in state.items()
        if other_bits(tensor, expected[name]).any()
    ]


@pytest.mark.optional
def test_the_example_with_segformer_runs(transformers, tmp_path, monkeypatch):
    config = transformers.SegformerConfig(
        num_labels=2,
        hidden_sizes=[8, 16, 24, 32],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=16,
    )
    kind = transformers.SegformerForSemanticSegmentation
    pretrained = kind(config)
    before = pretrained.state_dict()
    monkeypatch.setattr(
        kind,
        'from_pretrained',
        lambda name, num_labels: copy.deepcopy(pretrained),
    )
    monkeypatch.chdir(tmp_path)
    batch = dict(
        pixel_values=torch.randn(2, 3, 64, 64),
        labels=torch.randint(2, (2, 64, 64)),
    )
    names = {'batches': [batch, batch]}
    train, use = SNIPPETS[2:]
    assert len(train.splitlines()) <= 22
    exec(train, names)
    neurons, biases = neurons_and_biases(pretrained.segformer)
    selected = names['tuned'].state_dict()['indices']
    assert sum(map(len, selected.values())) == neurons
    head = sum(p.numel() for p in pretrained.decode_head.parameters())
    trained = sum(p.numel() for p in names['tuned'].parameters())
    assert trained == neurons + biases + head
    *apply, revert = use.splitlines()
    exec('\n'.join(apply), names)
    end = names['model'].state_dict()
    assert differing(names['other'].state_dict(), end) == []
    assert differing(end, before) != []
    exec(revert, names)
    assert differing(names['other'].state_dict(), before) == []


def eomt(transformers):
    config = transformers.EomtConfig(
        num_labels=2,
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=64,
        num_queries=5,
        num_blocks=1,
        num_upscale_blocks=1,
        num_register_tokens=1,
        train_num_points=64,
    )
    return transformers.EomtForUniversalSegmentation(config)


def mask2former(transformers):
    """Its pixel decoder has norms of 32 groups, so 32 is its least width."""
    config = transformers.Mask2FormerConfig(
        num_labels=2,
        backbone_config=dict(
            model_type='swin',
            image_size=64,
            embed_dim=8,
            depths=[1, 1, 1, 1],
            num_heads=[1, 1, 2, 2],
            window_size=4,
            out_features=['stage1', 'stage2', 'stage3', 'stage4'],
        ),
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=32,
        dim_feedforward=32,
        encoder_layers=1,
        decoder_layers=2,
        num_attention_heads=2,
        num_queries=5,
        train_num_points=64,
    )
    return transformers.Mask2FormerForUniversalSegmentation(config)


@pytest.mark.optional
@pytest.mark.parametrize(
    ('build', 'frozen', 'trained'),
    [
        (eomt, 'embeddings.', {'layers', 'query'}),
        (
            mask2former,
            'model.pixel_level_module.encoder.swin.layernorm.',
            {'model', 'class_predictor'},
        ),
    ],
)
def test_a_segmentor_with_queries_as_the_table_says(
    transformers, tmp_path, build, frozen, trained
):
    pytest.importorskip('scipy', reason='scipy, which matches queries')
    model = build(transformers)
    before = copy.deepcopy(model.state_dict())
    batch = dict(
        pixel_values=torch.randn(2, 3, 64, 64),
        mask_labels=[(torch.randn(2, 64, 64) > 0).float() for _ in range(2)],
        class_labels=[torch.tensor([0, 1])] * 2,
    )
    encoder, first = ROWS[type(model).__name__]
    exec(first.strip('`'), {'model': model})
    encoder = encoder.strip("`'")
    method = GPS(k=1, encoder=encoder)

    def loss():
        return model(**batch).loss

    tuned = tune(model, method, losses=[loss], seed=0)
    optimizer = torch.optim.AdamW(tuned.parameters(), lr=1e-3)
    tuned.attach(optimizer)
    for _ in range(2):
        with tuned.compressing():
            loss().backward()
        optimizer.step()
        optimizer.zero_grad()
    selected = tuned.state_dict()['indices']
    neurons, _ = neurons_and_biases(model.get_submodule(encoder))
    assert sum(map(len, selected.values())) == neurons
    moved = differing(model.state_dict(), before)
    assert not [name for name in moved if name.startswith(frozen)]
    assert {name.split('.')[0] for name in moved} >= trained
    for name, places in selected.items():
        changed = other_bits(before[name], model.state_dict()[name])
        assert torch.isin(changed.flatten().nonzero().flatten(), places).all()
    base = {n: t for n, t in before.items() if n.startswith(f'{encoder}.')}
    end = copy.deepcopy(model.state_dict())
    extract(base, end).save(tmp_path / 'task.safetensors')
    other = build(transformers)
    other.load_state_dict(before)
    apply(other, Delta.load(tmp_path / 'task.safetensors'))
    assert differing(other.state_dict(), end) == []
    revert(other)
    assert differing(other.state_dict(), before) == []
