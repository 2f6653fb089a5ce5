"""The optim wrappers train without dense gradients of linear maps."""

from collections import Counter

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import MODEL_WRAPPERS
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from toy_run import Backbone, run, toy_model

from gps_seg.engine.runner_model import check_wrapper


def count_dense(backbone, formed):
    """Count the dense gradients that are formed, by weight."""
    for name, parameter in backbone.named_parameters():
        if parameter.ndim > 1 and parameter.requires_grad:
            parameter.register_post_accumulate_grad_hook(
                lambda _, name=name: formed.update([name])
            )


@pytest.mark.parametrize(
    'wrapper', ['PeftOptimWrapper', 'AmpPeftOptimWrapper']
)
def test_only_the_convolution_forms_a_dense_gradient(tmp_path, wrapper):
    formed = formed_in_training(tmp_path, toy_model(), wrapper)
    assert formed == {'stem.weight': 4}


def formed_in_training(tmp_path, model, wrapper):
    runner, _ = run(
        tmp_path, model=model, wrapper=wrapper, iters=4, train=False
    )
    formed = Counter()
    original = runner.custom_hook._declare

    def declare(runner, *chosen):
        original(runner, *chosen)
        count_dense(runner.model.backbone, formed)

    runner.custom_hook._declare = declare
    runner.train()
    return formed


class Checkpointed(Backbone):
    def forward(self, x):
        return checkpoint(super().forward, x, use_reentrant=False)


def test_checkpointed_layers_are_compressed_in_the_second_forward(tmp_path):
    model = toy_model()
    model.backbone.__class__ = Checkpointed
    formed = formed_in_training(tmp_path, model, 'PeftOptimWrapper')
    assert formed == {'stem.weight': 4}


def test_between_steps_linear_is_that_of_torch(tmp_path, monkeypatch):
    plain, seen, step = F.linear, [], OptimWrapper.step

    def watched(self, **kwargs):
        seen.append(F.linear is plain)
        step(self, **kwargs)

    monkeypatch.setattr(OptimWrapper, 'step', watched)
    run(tmp_path, iters=2)
    assert seen == [True, True]
    assert F.linear is plain


def test_a_wrapper_that_splits_weights_is_refused():
    class Sharded(torch.nn.Module):
        pass

    MODEL_WRAPPERS.register_module(module=Sharded)
    try:
        runner = type('Runner', (), {'model': Sharded()})
        with pytest.raises(ValueError, match='model_wrapper_cfg: expected MM'):
            check_wrapper(runner)
    finally:
        MODEL_WRAPPERS.module_dict.pop('Sharded')
