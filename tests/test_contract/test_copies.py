"""Copies of a tuned model, its state, and other ways to compute the same."""

import copy
import io
import pickle

import pytest
import torch
from bits import other_bits
from cases import CASES, pairs
from contract_models import ENCODERS, small_model
from rounding import assert_equal_to_rounding, rounding_error
from tuned import backward, output, sgd, step, tuned

from gps_seg.additions import Plan, attach, is_added
from gps_seg.execution import fuse_attention, recompute_blocks
from gps_seg.peft import Trainable

PAIRS = pytest.mark.parametrize(('method', 'encoder'), pairs())


@pytest.mark.parametrize(
    'copied',
    [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],
    ids=['deepcopy', 'pickle'],
)
@PAIRS
def test_a_copy_computes_the_same_with_what_is_its_own(
    method, encoder, copied
):
    done = tuned(method, encoder)
    model = done.after_three()
    other, before = copied(model), output(model)
    assert torch.equal(output(other), before)
    with torch.no_grad():
        for name, parameter in other.named_parameters():
            if is_added(name) or name == 'decode_head.weight':
                parameter.mul_(2).add_(1)
    assert torch.equal(output(model), before)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if is_added(name) or name == 'decode_head.weight':
                parameter.mul_(2).add_(1)
    changed = output(model)
    assert not torch.equal(changed, before)
    assert torch.equal(output(other), changed)


def resumed(method, encoder, **others):
    """A new model and its parameters that train, after three steps."""
    done = tuned(method, encoder)
    file = io.BytesIO()
    torch.save(done.kept, file)
    file.seek(0)
    kept = torch.load(file, weights_only=True)
    model = small_model(encoder, **others).double()
    attach(model, Plan.from_json(kept['added']), seed=9)
    model.load_state_dict(done.trained)
    return model.train(), Trainable.resumed(model, kept)


@PAIRS
def test_a_kept_state_goes_on_to_the_same_bits(method, encoder):
    done = tuned(method, encoder)
    model, trainable = resumed(method, encoder)
    assert list(trainable.names.values()) == list(
        done.trainable.names.values()
    )
    step(model, trainable, sgd(trainable))
    for name, tensor in model.state_dict().items():
        assert not other_bits(tensor, done.states[4][name]).any(), name


# MMSegmentation leaves the choice of the variant to PyTorch.
@pytest.mark.filterwarnings('ignore:torch.utils.checkpoint')
@pytest.mark.parametrize(
    ('method', 'encoder'),
    [
        (method, encoder)
        for method, encoder in pairs()
        if ENCODERS[encoder].with_cp and CASES[method].recomputes
    ],
)
def test_recomputed_activations_give_the_same_gradients(method, encoder):
    done = tuned(method, encoder)
    gradients = backward(*resumed(method, encoder, with_cp=True))
    expected = done.gradients[3]
    assert gradients.keys() == expected.keys()
    for name, tensor in expected.items():
        assert_equal_to_rounding(gradients[name], tensor, terms=64, depth=16)


@pytest.mark.parametrize(
    ('method', 'encoder'),
    [
        (method, encoder)
        for method, encoder in pairs()
        # Without checkpointing of their own; and blocks that are told height
        # and width.
        if encoder in {'pretrain_vit', 'sam', 'swin'}
        if CASES[method].recomputes
    ],
)
def test_recomputed_blocks_give_the_same_gradients(method, encoder):
    done = tuned(method, encoder)
    model, trainable = resumed(method, encoder)
    recompute_blocks(model, 'backbone')
    gradients, expected = backward(model, trainable), done.gradients[3]
    assert gradients.keys() == expected.keys()
    for name, tensor in expected.items():
        assert_equal_to_rounding(gradients[name], tensor, terms=64, depth=16)


@pytest.mark.parametrize(
    'method', [method for method, encoder in pairs() if encoder == 'seg_vit']
)
def test_fused_attention_gives_the_same_outputs_and_gradients(method):
    done = tuned(method, 'seg_vit')
    model, trainable = resumed(method, 'seg_vit')
    expected = output(model)
    assert len(fuse_attention(model).layers) == 2
    assert_equal_to_rounding(output(model), expected, terms=64, depth=16)
    gradients, expected = backward(model, trainable), done.gradients[3]
    assert gradients.keys() == expected.keys()
    # Some have no gradient but rounding: shifts of keys change nothing.
    scale = max(float(tensor.abs().max()) for tensor in expected.values())
    error = rounding_error(scale, torch.float64, terms=64, depth=16)
    for name, tensor in expected.items():
        assert (gradients[name] - tensor).abs().max() < error, name
