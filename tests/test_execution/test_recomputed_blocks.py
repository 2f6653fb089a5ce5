"""Recomputed blocks against the plain encoder."""

import pytest
import torch
from small_encoders import CONFIGS, SIDE, small_model
from torch import nn

from gps_seg.execution import recompute_blocks
from gps_seg.execution.instance_forward import set_forward

WITHOUT_KNOWN_BLOCKS = {'mscan', 'resnet'}


def gradients(model):
    """Gradients of all parameters, and the bytes kept to compute them."""
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    torch.manual_seed(0)
    images = torch.randn(2, 3, SIDE, SIDE)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        outputs = model.backbone(images)
    sum(output.square().mean() for output in outputs).backward()
    found = {name: p.grad for name, p in model.named_parameters()}
    model.zero_grad()
    return found, sum(kept.values())


@pytest.mark.parametrize('name', sorted(CONFIGS.keys() - WITHOUT_KNOWN_BLOCKS))
def test_gradients_are_the_same_from_fewer_activations(name):
    model = small_model(name).train()
    plain, all_bytes = gradients(model)
    keys = list(model.state_dict())
    handle = recompute_blocks(model, 'backbone')
    found, fewer_bytes = gradients(model)
    assert list(model.state_dict()) == keys
    assert handle.recomputed
    assert not handle.left
    handle.remove()
    assert fewer_bytes < all_bytes
    for key, gradient in plain.items():
        assert (gradient is None) == (found[key] is None)
        assert gradient is None or torch.equal(gradient, found[key]), key
    _, again = gradients(model)  # the plain encoder once more
    assert again == all_bytes


def test_dropout_is_the_same_in_the_second_run():
    model = small_model('mmpretrain vit').train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.3
    plain, _ = gradients(model)
    recompute_blocks(model, 'backbone')
    found, _ = gradients(model)
    for key, gradient in plain.items():
        assert torch.equal(gradient, found[key]), key


@pytest.mark.parametrize('name', sorted(WITHOUT_KNOWN_BLOCKS))
def test_an_encoder_without_known_blocks_stays_as_it_is(name):
    model = small_model(name)
    handle = recompute_blocks(model, 'backbone')
    assert (handle.recomputed, handle.left) == ([], {})


def forward(module, *args, **kwargs):
    return type(module).forward(module, *args, **kwargs)


def test_a_block_with_a_forward_of_its_own_keeps_it():
    model = small_model('vit')
    block = model.backbone.layers[0]
    set_forward(block, forward)
    own = vars(block)['forward']
    handle = recompute_blocks(model, 'backbone')
    assert handle.left == {'backbone.layers.0': 'another forward of the block'}
    assert len(handle.recomputed) == len(model.backbone.layers) - 1
    assert vars(block)['forward'] is own
    handle.remove()
    assert vars(block)['forward'] is own
