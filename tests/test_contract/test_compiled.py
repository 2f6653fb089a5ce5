"""Under torch.compile every method computes what it computes without."""

import pytest
import torch
from cases import CASES, built
from contract_models import batch, small_model
from rounding import assert_equal_to_rounding
from tuned import backward

from gps_seg.execution import compile_parts, fuse_attention
from gps_seg.peft import tune

# PyTorch itself causes these when it traces.
pytestmark = [
    pytest.mark.filterwarnings(
        'ignore:.*autograd.function.Function.*:DeprecationWarning'
    ),
    pytest.mark.filterwarnings('ignore:The .grad attribute:UserWarning'),
    pytest.mark.filterwarnings('ignore:.*functools.lru_cache:UserWarning'),
]
ENCODERS = ('pretrain_vit', 'seg_vit')
#: One of each kind: selected entries, linear forms, tokens. The others are
#: slow, because tracing is.
QUICK = ('gps', 'lora', 'vpt')


def cases():
    for method, case in CASES.items():
        slow = () if method in QUICK else pytest.mark.slow
        for encoder in ENCODERS:
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
