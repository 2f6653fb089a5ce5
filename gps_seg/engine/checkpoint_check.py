# Copyright (c) gps_seg contributors. Apache-2.0.
"""Refuse a checkpoint that does not fit the model.

MMEngine loads what fits and warns of the rest, so a run can start from random
weights, or a test can measure them, without anyone noticing.
"""

import re
from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor, nn

from gps_seg.engine.runner_model import bare_model, leave_out_averages

#: Where a checkpoint has what the hooks of this package keep.
CHECKPOINT_KEY = 'gps_seg'


def check_fits(
    model: nn.Module, checkpoint: Mapping[str, Any], within: str = ''
) -> None:
    """Raise ValueError unless the checkpoint has every tensor of the model.

    What the model itself changes while it loads, such as a position embedding
    of another size, is taken as it would be loaded.

    Args:
        model: The model that is about to load the checkpoint.
        checkpoint: As MMEngine reads it, with or without ``state_dict``.
        within: Name of a submodule whose tensors must be there; empty for all
            of the model.
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
    # What the model takes out is what it makes anew by itself.
    missing = [n for n in expected if n not in loaded and n not in tensors]
    if missing and 'base' in checkpoint.get(CHECKPOINT_KEY, {}):
        raise ValueError(
            'checkpoint: expected the whole model, got the state of a run '
            'without its base weights, which is for --resume. Use the '
            'delta.safetensors beside it.'
        )
    if missing:
        raise ValueError(
            f'checkpoint: expected the {len(expected)} tensors of this '
            f'model, got {len(expected) - len(missing)} of them; missing are '
            f'{missing[:3]}... It is of another architecture: use the config '
            'that it was made with.'
        )
    _check_shapes(expected, loaded)


def nest(checkpoint: dict[str, Any]) -> None:
    """Put the tensors of a bare state dict under ``state_dict``, in place.

    MMEngine loads either, but its ``EMAHook`` knows only the nested one.
    """
    if 'state_dict' not in checkpoint:
        tensors = dict(checkpoint)
        checkpoint.clear()
        checkpoint['state_dict'] = tensors


def _as_loaded(
    model: nn.Module, tensors: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """What the modules' own hooks make of a state dict before it is loaded."""
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
                f'{tuple(loaded[name].shape)} ({name}). It is of another '
                'architecture, or made for images of another size: use the '
                'config that it was made with.'
            )


@HOOKS.register_module()
class StrictCheckpointHook(Hook):
    """Test a checkpoint: it must have the whole model, as it is to be scored.

    An ``EMAHook`` of the config is left out, see :func:`leave_out_averages`.
    """

    def before_run(self, runner: Runner) -> None:
        """Take the hooks out that would average."""
        leave_out_averages(runner)

    def after_load_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Compare names and shapes before a tensor is copied."""
        check_fits(bare_model(runner), checkpoint)


def check_finite(model: nn.Module) -> None:
    """Raise ValueError if a weight is not a number, and name its tensor."""
    broken = {
        name: f'{int((~finite).sum()):,} of {finite.numel():,} values'
        for name, parameter in model.named_parameters()
        if not (finite := parameter.detach().isfinite()).all()
    }
    if broken:
        name, count = next(iter(broken.items()))
        raise ValueError(
            f'weights: expected finite numbers to begin with, got {count} '
            f'that are nan or inf in {name} ({len(broken)} such tensors in '
            'all). Check the file of weights that the config names (init_cfg, '
            'load_from, weights://).'
        )
