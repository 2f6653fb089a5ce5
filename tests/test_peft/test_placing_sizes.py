"""Numbers of values at the sizes of the papers, from shapes alone."""

import pytest

from gps_seg.stack import require_openmmlab

require_openmmlab()

from meta_models import without_storage  # noqa: E402
from mmseg.models.backbones import (  # noqa: E402
    SwinTransformer,
    VisionTransformer,
)
from torch import nn  # noqa: E402

from gps_seg.additions import shapes_of  # noqa: E402
from gps_seg.peft import SCT, SPTAdapter, SPTLoRA  # noqa: E402


def model_of(kind, **settings):
    with without_storage():
        backbone = kind(**settings)
    return nn.ModuleDict({'backbone': backbone})


def vit_b():
    return model_of(VisionTransformer, img_size=224, final_norm=False)


def swin_t():
    return model_of(SwinTransformer)


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
