# Copyright (c) gps_seg contributors. Apache-2.0.
"""Checkpoints for resuming that do not contain the base weights.

The checkpoint keeps the selected entries of a weight, and nothing of a frozen
tensor. A resumed run builds the base as the first run did and puts the kept
values into it. Digests show whether it is the same base.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.runner import load_checkpoint
from torch import nn

from gps_seg.delta.change import tensor_digest
from gps_seg.sparse import Selection

#: Largest share of tensors that a model computes when it is built, rather than
#: reads from a file.
_FEW = 0.25
_ROUNDING_HINT = (
    ' Or the run was on another kind of processor. Tensors that are computed '
    'when the model is built, such as a resized position embedding, are '
    'rounded differently there: resume on the same kind of processor.'
)
_STATES = {'state_dict': '', 'ema_state_dict': 'module.'}


@dataclass(frozen=True, eq=False)
class FrozenBase:
    """Digests of the tensors that do not train whole.

    They are plain data, taken before the training.

    Args:
        digests: Digest of each tensor of the base, by name; tensors that
            train whole are left out.
        source: ``load_from`` of the run, or None. It is only used in
            messages; the config says what is loaded.
    """

    digests: Mapping[str, str]
    source: str | None

    @classmethod
    def of(
        cls,
        model: nn.Module,
        trained: Iterable[str],
        source: str | None,
        known: Mapping[str, str] | None = None,
    ) -> 'FrozenBase':
        """Take the digests of a model that has not been trained yet.

        Args:
            model: Model with the base's weights.
            trained: Names of the parameters that train whole.
            source: ``load_from`` of the run, or None.
            known: Digests that have already been computed, by name.
        """
        whole, known = set(trained), known or {}
        digests = {
            name: known.get(name) or tensor_digest(parameter)
            for name, parameter in _parameters(model).items()
            if name not in whole
        }
        return cls(digests, source)

    def check(self, model: nn.Module, hint: str = '') -> None:
        """Compare a model with the base.

        Args:
            model: Model at the start of the run.
            hint: Advice for the user if the model differs.

        Raises:
            ValueError: If the model has other weights than the base.
        """
        parameters = _parameters(model)
        others = [
            name
            for name, known in self.digests.items()
            if name not in parameters
            or tensor_digest(parameters[name]) != known
        ]
        if others:
            if len(others) <= _FEW * len(self.digests):
                hint += _ROUNDING_HINT
            raise ValueError(
                'resume: expected the base weights that the run began with, '
                f'got others in {len(others)} of {len(self.digests)} tensors '
                f'({others[0]}, ...). The checkpoint has only trained values: '
                f'restore the files that the run began with. {hint}'
            )


def slim(
    checkpoint: dict[str, Any], base: FrozenBase, selection: Selection
) -> None:
    """Remove everything that is equal to the base from a checkpoint, in place.

    Args:
        checkpoint: Checkpoint of MMEngine.
        base: Base of the run.
        selection: Selection of the run.
    """
    for key, prefix in _STATES.items():
        state = checkpoint.get(key, {})
        for name in [n for n in state if n.startswith(prefix)]:
            bare = name.removeprefix(prefix)
            if bare in selection:
                state[name] = state[name].detach().cpu().take(selection[bare])
            elif bare in base.digests:
                del state[name]


def fill(
    checkpoint: dict[str, Any],
    base: FrozenBase,
    selection: Selection,
    model: nn.Module,
    start: str | None,
) -> None:
    """Undo :func:`slim`, in place.

    Args:
        checkpoint: Checkpoint reduced by :func:`slim`.
        base: Base in the checkpoint.
        selection: Selection in the checkpoint.
        model: Model, initialised by the config and the seed of the run.
        start: ``load_from`` of the config, loaded into the model; or None.

    Raises:
        ValueError: If the model has other weights than the base.
    """
    if start is not None:
        load_checkpoint(model, start, map_location='cpu')
    seed = checkpoint.get('meta', {}).get('seed')
    base.check(
        model,
        f'It had load_from={base.source!r} and randomness.seed={seed}; the '
        f'config has load_from={start!r}. Resume with tools/train.py CONFIG '
        '--resume, which takes the seed from the checkpoint.',
    )
    parameters = _parameters(model)
    for key, prefix in _STATES.items():
        if key not in checkpoint:
            continue
        state = checkpoint[key]
        for name in base.digests:
            full = (
                parameters[name]
                .detach()
                .clone(memory_format=torch.contiguous_format)
            )
            if name in selection:
                entries = selection[name].to(full.device)
                full.view(-1)[entries] = state[prefix + name].to(full)
            state[prefix + name] = full


def _parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Each parameter once; other names of tied weights are not slimmed."""
    return dict(model.named_parameters())
