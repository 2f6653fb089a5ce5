# Copyright (c) gps_seg contributors. Apache-2.0.
"""The selected entries of all weights of a model."""

from collections.abc import Iterator, Mapping

from torch import nn

from gps_seg.sparse.selection import Selection
from gps_seg.sparse.training.selected_entries import SelectedEntries
from gps_seg.sparse.training.unit_steps import UnitSteps


class SelectedWeights(Mapping[str, SelectedEntries]):
    """The selected entries of a model's weights, by parameter name.

    Args:
        model: Model to train; its modules and state-dict keys do not change.
        selection: Selection in this model.
        steps: Coordinates in which entries train, by name of the weight;
            entries without them train as they are.

    Raises:
        ValueError: If the model has no weight of a selected name and shape.

    Example:
        >>> import torch
        >>> layer = nn.Linear(3, 2)
        >>> selection = Selection(
        ...     {'weight': torch.tensor([1, 3])}, {'weight': (2, 3)}
        ... )
        >>> selected = SelectedWeights(layer, selection)
        >>> selected['weight'].values.shape  # give this to an optimizer
        torch.Size([2])
        >>> selected.write()  # after each step
    """

    def __init__(
        self,
        model: nn.Module,
        selection: Selection,
        steps: Mapping[str, UnitSteps] | None = None,
    ) -> None:
        parameters = dict(model.named_parameters())
        for name, shape in selection.shapes.items():
            if name not in parameters or parameters[name].shape != shape:
                found = (
                    tuple(parameters[name].shape)
                    if name in parameters
                    else 'no such weight'
                )
                raise ValueError(
                    'selection: expected a model with a weight of shape '
                    f'{tuple(shape)}, got {found} ({name}). The selection '
                    'was made for another model.'
                )
        steps = {} if steps is None else steps
        self._entries = {}
        for name, indices in selection.items():
            own = steps.get(name)
            bias = None if own is None else own.bias
            self._entries[name] = SelectedEntries(
                parameters[name], indices, own, parameters.get(bias or '')
            )

    def __getitem__(self, name: str) -> SelectedEntries:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        number = sum(len(entries.indices) for entries in self.values())
        return f'SelectedWeights({len(self)} weights, {number:,} entries)'

    def write(self) -> None:
        """Write all values into the dense weights."""
        for entries in self.values():
            entries.write()

    def read(self) -> None:
        """Read all values from the dense weights."""
        for entries in self.values():
            entries.read()

    def reconcile(self) -> None:
        """Follow the weights into which other code has written.

        Raises:
            RuntimeError: If entries were released, or their values were
                changed but not written.
        """
        for entries in self.values():
            entries.reconcile()

    def release(self) -> None:
        """Stop gathering: the model is a plain model again."""
        for entries in self.values():
            entries.release()
