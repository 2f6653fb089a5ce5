# Copyright (c) gps_seg contributors. Apache-2.0.
"""Checkpoints for resuming that do not repeat the base weights.

Of a weight with selected entries the checkpoint keeps these, of a frozen
tensor nothing: a resumed run builds the base as the first one did, and what is
kept is put into it. Digests tell whether it is the same base.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.runner import load_checkpoint
from torch import nn

from gps_seg.delta.change import tensor_digest
from gps_seg.sparse import Selection

#: Share of the tensors that may be computed, not read, as a model is built.
_FEW = 0.25
_ROUNDING_HINT = (
    ' Or the run was on another kind of processor, which rounds otherwise '
    'what is computed when the model is built, such as a position embedding '
    'that is resized: resume on the same kind, where every bit is the same.'
)
_STATES = {'state_dict': '', 'ema_state_dict': 'module.'}


@dataclass(frozen=True, eq=False)
class FrozenBase:
    """What of a model stays as it was, recognised by its digests.

    It is made before training, and is plain data.

    Args:
        digests: Digests of the base's tensors that do not train whole, by
            name.
        source: ``load_from`` of the run, None if there was none. It is only
            said in errors: what is loaded is what the config names.
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
            source: As of the class.
            known: Digests of tensors of the model that were hashed already,
                by name.
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
            model: As the run begins with it.
            hint: What the user can do if it is another.

        Raises:
            ValueError: If it has not the weights of the base.
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
                f'({others[0]}, ...). The checkpoint holds only what trains: '
                f'put the files back that the run began with. {hint}'
            )


def slim(
    checkpoint: dict[str, Any], base: FrozenBase, selection: Selection
) -> None:
    """Leave out of a checkpoint what is equal to the base, in place."""
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
        checkpoint: Checkpoint that :func:`slim` made small.
        base: Kept with the checkpoint.
        selection: Kept with the checkpoint.
        model: Model, initialised as the config says, by the seed of the run.
        start: ``load_from`` of the config, which is loaded into the model.

    Raises:
        ValueError: If the model has not the base's weights.
    """
    if start is not None:
        load_checkpoint(model, start, map_location='cpu')
    seed = checkpoint.get('meta', {}).get('seed')
    base.check(
        model,
        f'It had load_from={base.source!r} and randomness.seed={seed}; the '
        f'config has load_from={start!r}. Resume by tools/train.py CONFIG '
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
    """Each once: a tied weight's other names stay in the checkpoint."""
    return dict(model.named_parameters())
