"""How many entries GPS selects and trains in the ViTs of OpenMMLab.

The numbers are arithmetic: with k=1 one entry per output neuron, that is
width for the patch embedding and 3 + 1 + 4 + 1 widths per block.
"""

import pytest
from mmpretrain.models import VisionTransformer as PretrainViT
from mmseg.models.backbones import VisionTransformer as SegViT
from torch import nn

from gps_seg.peft import GPS
from gps_seg.sparse import (
    Budget,
    Connections,
    Role,
    Scores,
    owned_parameters,
)

WIDTHS = {'tiny': (192, 3), 'small': (384, 6), 'base': (768, 12)}
EXPECTED = {'tiny': 20_928, 'small': 41_856, 'base': 83_712}


def mmseg_vit(size):
    # Unlike timm and MMPretrain, mmseg's default has no bias in the patch
    # embedding; the expected numbers are of a ViT that has one.
    width, heads = WIDTHS[size]
    return SegViT(
        img_size=(32, 32),
        embed_dims=width,
        num_layers=12,
        num_heads=heads,
        out_indices=-1,
        patch_bias=True,
    )


def mmpretrain_vit(size):
    width, heads = WIDTHS[size]
    arch = {
        'embed_dims': width,
        'num_layers': 12,
        'num_heads': heads,
        'feedforward_channels': 4 * width,
    }
    return PretrainViT(arch=arch, img_size=32)


class Segmentor(nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone


@pytest.mark.parametrize('size', WIDTHS)
@pytest.mark.parametrize('build', [mmseg_vit, mmpretrain_vit])
def test_one_entry_and_one_bias_per_neuron(build, size):
    model = Segmentor(build(size))
    method = GPS(k=1)
    roles = method.roles(model)
    weights = {
        name: owned
        for name, owned in owned_parameters(model)
        if roles[name] is Role.SELECTED
    }
    parameters = {name: owned.parameter for name, owned in weights.items()}
    selection, dead = Budget('neuron', Connections(1)).select(
        Scores('random', parameters, None, seed=0), weights
    )
    biases = sum(
        parameter.numel()
        for name, parameter in model.named_parameters()
        if roles[name] is Role.WHOLE
    )
    assert selection.num_selected == EXPECTED[size]
    assert biases == EXPECTED[size]
    assert set(dead.values()) == {0}
