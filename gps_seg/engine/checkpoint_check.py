# Copyright (c) gps_seg contributors. Apache-2.0.
"""Refuse a checkpoint that does not fit the model.

MMEngine loads the tensors that fit and only warns about the others. So a run
may start from random weights, or a test may score them, without anyone
noticing.
"""

import re
from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor, nn

from gps_seg.additions import Plan, attach, detach, is_added
from gps_seg.engine.runner_model import bare_model, leave_out_averages

#: Key under which the hooks of this package store data in a checkpoint.
CHECKPOINT_KEY = 'gps_seg'


def check_fits(
    model: nn.Module, checkpoint: Mapping[str, Any], within: str = ''
) -> None:
    """Raise ValueError unless the checkpoint has every tensor of the model.

    Changes that the model makes while it loads, such as resizing a position
    embedding, are taken into account.

    Args:
        model: Model that is about to load the checkpoint.
        checkpoint: Checkpoint as MMEngine reads it, with or without
            ``state_dict``.
        within: Name of the submodule whose tensors must be present; empty for
            the whole model.
    """
    prefix = f'{within}.' if within else ''
    tensors = {
        re.sub(r'^module\.', '', name): tensor
        for name, tensor in checkpoint.get('state_dict', checkpoint).items()
        if isinstance(tensor, Tensor)
    }
    loaded = _as_loaded(model, tensors)
    expected = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if name.startswith(prefix)
    }
    # If a hook of the model removes a tensor, the model rebuilds it.
    missing = [n for n in expected if n not in loaded and n not in tensors]
    if missing and 'base' in checkpoint.get(CHECKPOINT_KEY, {}):
        raise ValueError(
            'checkpoint: expected the whole model, got the state of a run '
            'without its base weights, which only --resume can use. Use the '
            'delta.safetensors beside it.'
        )
    if missing:
        raise ValueError(
            f'checkpoint: expected the {len(expected)} tensors of this '
            f'model, got {len(expected) - len(missing)} of them; missing are '
            f'{missing[:3]}... It belongs to another architecture: use the '
            'config of the run that wrote it.'
        )
    _check_shapes(expected, loaded)
    _check_added(model, tensors)


def attach_added(model: nn.Module, checkpoint: Mapping[str, Any]) -> None:
    """Attach what a method had added to the model of a checkpoint.

    The values come with the other tensors. Earlier additions are detached. A
    checkpoint without a plan leaves a plain model.

    Args:
        model: Model that is about to load the checkpoint.
        checkpoint: Checkpoint as MMEngine reads it.

    Raises:
        ValueError: If the plan in the checkpoint does not fit the model.
    """
    kept = checkpoint.get(CHECKPOINT_KEY) or {}
    detach(model)
    attach(model, Plan.from_json(kept.get('added', [])), seed=0)


def nest(checkpoint: dict[str, Any]) -> None:
    """Put the tensors of a bare state dict under ``state_dict``, in place.

    MMEngine loads both forms, but its ``EMAHook`` reads only the nested one.
    """
    if 'state_dict' not in checkpoint:
        tensors = dict(checkpoint)
        checkpoint.clear()
        checkpoint['state_dict'] = tensors


def _as_loaded(
    model: nn.Module, tensors: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """A state dict after the load hooks of the modules have changed it."""
    state = dict(tensors)
    for name, module in model.named_modules():
        prefix = f'{name}.' if name else ''
        for hook in module._load_state_dict_pre_hooks.values():
            hook(state, prefix, {}, True, [], [], [])
    return state


def _check_shapes(
    expected: Mapping[str, Tensor], loaded: Mapping[str, Tensor]
) -> None:
    for name, tensor in expected.items():
        if name in loaded and tensor.shape != loaded[name].shape:
            raise ValueError(
                f'checkpoint: expected shape {tuple(tensor.shape)}, got '
                f'{tuple(loaded[name].shape)} ({name}). It belongs to '
                'another architecture or image size: use the config of the '
                'run that wrote it.'
            )


def _check_added(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Refuse tensors of additions that the model does not have."""
    known = model.state_dict().keys()
    strange = [n for n in tensors if is_added(n) and n not in known]
    if strange:
        raise ValueError(
            'checkpoint: expected weights of a plain model, got '
            f'{len(strange)} tensors of modules that a method added '
            f'({strange[0]}, ...). Merge them into the weights (tools/'
            'delta.py merge, with the delta of that run), or use the delta.'
        )


@HOOKS.register_module()
class StrictCheckpointHook(Hook):
    """Refuse to test a checkpoint that lacks tensors of the model.

    What a method had added to the model of the checkpoint is attached.
    An ``EMAHook`` of the config is removed, see
    :func:`~gps_seg.engine.runner_model.leave_out_averages`.

    Example::

        custom_hooks = [dict(type='StrictCheckpointHook')]
    """

    priority = 'VERY_HIGH'  # before PeftHook, which checks the same file

    def before_run(self, runner: Runner) -> None:
        """Remove the hooks that average weights."""
        leave_out_averages(runner)

    def after_load_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Compare names and shapes before any tensor is copied."""
        attach_added(bare_model(runner), checkpoint)
        check_fits(bare_model(runner), checkpoint)


def check_finite(model: nn.Module) -> None:
    """Raise ValueError if a weight is nan or inf; names its tensor."""
    broken = {
        name: f'{int((~finite).sum()):,} of {finite.numel():,} values'
        for name, parameter in model.named_parameters()
        if not (finite := parameter.detach().isfinite()).all()
    }
    if broken:
        name, count = next(iter(broken.items()))
        raise ValueError(
            f'weights: expected finite numbers at the start, got nan or inf '
            f'in {count} of {name} ({len(broken)} such tensors in all). Check '
            'the weights that the config names (init_cfg, load_from, '
            'weights://).'
        )
