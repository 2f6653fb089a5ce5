# Copyright (c) gps_seg contributors. Apache-2.0.
"""Start what a method adds from the values in a delta.

So the additions can be trained on another task before, as in PVP
(arXiv 2304.13639). What is outside the encoder starts as in any other run.
"""

from pathlib import Path

import torch
from torch import nn

from gps_seg.additions import Added, Plan, added_names
from gps_seg.delta import Delta
from gps_seg.delta.merging import new_values
from gps_seg.peft import PeftMethod


class AddedStart:
    """The values in a delta from which additions start.

    Args:
        path: Delta of a run whose method added the same to the same encoder.

    Raises:
        TypeError: If it is no path.
    """

    def __init__(self, path: str) -> None:
        if not isinstance(path, str | Path) or not str(path):
            raise TypeError(
                f'init_from: expected the path of a delta, got {path!r}.'
            )
        self._path = Path(path).expanduser()

    def check(self, method: PeftMethod, model: nn.Module) -> None:
        """Raise unless the delta has the additions that a method plans.

        A method that plans by the training data is only checked for whether
        its additions are in the delta at all; :meth:`fill` checks the rest.

        Args:
            method: Method of the run.
            model: Plain model.

        Raises:
            FileNotFoundError: If the delta does not exist.
            ValueError: If it does not fit.
        """
        plan = method.additions(model, None)
        delta = self._load()
        if not plan:
            raise ValueError(
                'init_from: expected a method that adds something, got '
                f'{type(method).__name__}, which adds nothing. To start from '
                f'the weights of {self._path}, merge it with its base '
                '(tools/delta.py merge) and set load_from to the result.'
            )
        if method.evidence is None:
            self._check_plan(delta, plan)

    @torch.no_grad()
    def fill(self, *models: nn.Module, plan: Plan) -> None:
        """Copy the values into models.

        Args:
            *models: Models with the additions.
            plan: Plan of the additions.

        Raises:
            FileNotFoundError: If the delta does not exist.
            ValueError: If the delta has other additions.
        """
        delta = self._load()
        self._check_plan(delta, plan)
        for model in models:
            added = added_names(model)
            for name, tensor in model.state_dict().items():
                if name in added:
                    self._copy(delta, name, tensor)

    def _load(self) -> Delta:
        if not self._path.is_file():
            raise FileNotFoundError(
                f'init_from: expected a delta, got nothing at {self._path}.'
            )
        delta = Delta.load(self._path)
        if not delta.info.plan:
            raise ValueError(
                'init_from: expected a delta whose method added something, '
                f'got {delta} ({self._path}). Merge it with its base '
                '(tools/delta.py merge) and set load_from to the result.'
            )
        return delta

    def _check_plan(self, delta: Delta, plan: Plan) -> None:
        there, wanted = list(delta.info.plan), list(plan)
        if there == wanted:
            return
        missing = [one for one in wanted if one not in there]
        foreign = [one for one in there if one not in wanted]
        raise ValueError(
            f'init_from: expected the {len(wanted)} additions of this run, '
            f'got {len(there)} ({self._path}); first difference: expected '
            f'{_first(missing)}, got {_first(foreign)}. Give the method the '
            'settings with which the delta was made: '
            f'{dict(delta.info.method)}.'
        )

    def _copy(self, delta: Delta, name: str, tensor: torch.Tensor) -> None:
        change = delta.changes.get(name)
        if change is None or change.shape != tensor.shape:
            raise ValueError(
                f'init_from: expected a tensor of shape '
                f'{tuple(tensor.shape)}, got '
                f'{change} ({name}, {self._path}). The file is damaged, or '
                'was made for another architecture.'
            )
        tensor.copy_(new_values(name, change).view(change.shape))


def _first(added: list[Added]) -> str:
    if not added:
        return 'nothing'
    one = added[0]
    return f'{one.kind} at {one.place} with {dict(one.settings)}'
