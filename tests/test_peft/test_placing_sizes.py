"""Numbers of values at the sizes of the papers, from shapes alone."""

import pytest

from gps_seg.stack import require_openmmlab

require_openmmlab()

from meta_models import without_storage  # noqa: E402
from mmpretrain.models import ConvNeXt  # noqa: E402
from mmseg.models.backbones import (  # noqa: E402
    SwinTransformer,
    VisionTransformer,
)
from torch import nn  # noqa: E402

from gps_seg.additions import shapes_of  # noqa: E402
from gps_seg.peft import SCT, SPTAdapter, SPTLoRA  # noqa: E402
from gps_seg.sparse import Role  # noqa: E402


def model_of(kind, **settings):
    with without_storage():
        backbone = kind(**settings)
    return nn.ModuleDict({'backbone': backbone})


def vit_b():
    return model_of(VisionTransformer, img_size=224, final_norm=False)


def most(method, model):
    with pytest.raises(ValueError, match='budget: expected') as error:
        method.additions(model, None)
    return int(str(error.value).split(' to ')[1].split()[0].replace(',', ''))


# in_proj, out_proj, fc1, fc2 and two norms
VECTORS = 12 * (3 * 768 + 768 + 3072 + 768 + 4 * 768)
TOKEN = 768


def test_a_vit_b_with_an_update_of_every_map():
    updates = 12 * 8 * (4 * 2 * 768 + 2 * (768 + 3072))
    found = most(SPTLoRA(budget=10**9), vit_b())
    assert found == updates + VECTORS + TOKEN == 1_447_680


def test_a_vit_b_with_an_adapter_on_every_map():
    adapters = 12 * (5 * (2 * 8 * 768 + 8 + 768) + 2 * 8 * 3072 + 8 + 3072)
    assert (
        most(SPTAdapter(budget=10**9), vit_b()) == adapters + VECTORS + TOKEN
    )


def test_sct_at_vit_b():
    model = vit_b()
    shapes = shapes_of(SCT().additions(model, None), model.state_dict())
    assert sum(shape.numel() for shape in shapes.values()) == 111_744


def swin_t():
    return model_of(SwinTransformer)


def convnext_t():
    return model_of(ConvNeXt, arch='tiny')


def test_sct_takes_an_eighth_of_the_channels_of_each_stage_of_a_swin():
    model = swin_t()
    shapes = shapes_of(SCT().additions(model, None), model.state_dict())
    widths = [12] * 2 + [24] * 2 + [48] * 6 + [96] * 2
    found = sum(shape.numel() for shape in shapes.values())
    assert found == sum(n * n + n for n in widths)


def frozen_by_spt(model):
    """Kinds of the parameters that are frozen, without numbers of layers."""
    roles = SPTLoRA(budget=1).roles(model)
    names = (name for name, role in roles.items() if role is Role.FROZEN)
    return {
        '.'.join(part for part in name.split('.')[1:] if not part.isdigit())
        for name in names
    }


def test_spt_freezes_embeddings_and_tables():
    patches = 'patch_embed.projection.weight'
    assert frozen_by_spt(vit_b()) == {patches, 'pos_embed'}
    assert frozen_by_spt(swin_t()) == {
        patches,
        'patch_embed.projection.bias',
        'stages.blocks.attn.w_msa.relative_position_bias_table',
    }


def test_spt_freezes_the_convolutions_between_the_stages_of_a_convnext():
    assert frozen_by_spt(convnext_t()) == {
        'downsample_layers.weight',
        'downsample_layers.bias',
    }
