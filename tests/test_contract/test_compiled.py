"""Under torch.compile every method computes what it computes without."""

import pytest
import torch
from cases import CASES, built
from contract_models import batch, small_model
from rounding import assert_equal_to_rounding
from tracing import IGNORED_IN_TRACING
from tuned import backward

from gps_seg.execution import compile_parts, fuse_attention
from gps_seg.peft import tune

pytestmark = IGNORED_IN_TRACING
ENCODERS = ('pretrain_vit', 'seg_vit')
#: Both encoders with selected entries, and one with linear forms and with
#: tokens. The others are slow, because tracing is.
QUICK = (
    *(('gps', encoder) for encoder in ENCODERS),
    ('lora', 'seg_vit'),
    ('vpt', 'pretrain_vit'),
)


def cases():
    for method, case in CASES.items():
        for encoder in ENCODERS:
            slow = () if (method, encoder) in QUICK else pytest.mark.slow
            if encoder not in case.refuses and case.package == 'torch':
                yield pytest.param(method, encoder, marks=slow)


@pytest.mark.parametrize(('method', 'encoder'), list(cases()))
def test_gradients_are_those_without_compilation(method, encoder):
    torch.compiler.reset()
    model = small_model(encoder).double().train()
    fuse_attention(model)  # of nn.MultiheadAttention, to be traced inside
    images, classes = batch()

    def loss():
        return model(images, classes, 'loss')['loss']

    tuned = tune(model, built(method), [loss], seed=0)
    optimizer = torch.optim.SGD(tuned.parameters(), lr=0.1)
    tuned.attach(optimizer)
    for _ in range(2):  # leave the start, at which much is zero
        backward(model, tuned)
        optimizer.step()
        optimizer.zero_grad()
    expected = backward(model, tuned)
    optimizer.zero_grad()
    compile_parts(model, backend='aot_eager')
    got = backward(model, tuned)
    assert got.keys() == expected.keys()
    for name, gradient in expected.items():
        assert_equal_to_rounding(got[name], gradient, terms=64, depth=32)
