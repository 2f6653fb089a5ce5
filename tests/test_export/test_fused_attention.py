"""An exported graph is that of the classes, however the model runs."""

import copy
import re

import pytest
import torch
from mmengine.registry import MODELS

from gps_seg.execution import fuse_attention
from gps_seg.execution.instance_forward import has_own_forward
from gps_seg.export import export_segmentor, interface_of


@pytest.fixture(scope='module')
def vit_segmentor(segmentor, config):
    """The small segmentor with MMSegmentation's ViT."""
    other = copy.deepcopy(segmentor)
    other.backbone = MODELS.build(
        dict(
            type='mmseg.VisionTransformer',
            img_size=(16, 24),
            patch_size=8,
            embed_dims=16,
            num_layers=2,
            num_heads=2,
        )
    )
    return other.eval()


def graph_of(path):
    graph = str(torch.jit.load(path).inlined_graph)
    return re.sub(r'___torch_mangle_\d+\.', '', graph)


@pytest.mark.filterwarnings('ignore')  # of the tracer
def test_fused_attention_leaves_the_graph_as_it_is(
    vit_segmentor, config, tmp_path
):
    interface = interface_of(vit_segmentor, config)
    plain, fused = tmp_path / 'plain.pt', tmp_path / 'fused.pt'
    export_segmentor(vit_segmentor, interface, plain)
    handle = fuse_attention(vit_segmentor)
    assert export_segmentor(vit_segmentor, interface, fused).is_close
    assert graph_of(fused) == graph_of(plain)
    assert 'scaled_dot_product' not in graph_of(fused)
    assert all(map(has_own_forward, handle.layers))
