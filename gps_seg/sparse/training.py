# Copyright (c) gps_seg contributors. Apache-2.0.
"""Train the selected entries and nothing else.

The trainable parameter is a 1-D tensor of the selected values. Optimizer,
clipping, accumulation and gradient scaling see that tensor and never the
dense weight, so an entry that was not selected cannot move: no weight decay,
no stale momentum, no rounding ever touches it. The dense weight stays where
it is and takes the values after each step, so the forward pass, the
state-dict keys and the cost of inference are those of the plain model.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from gps_seg.sparse.entries import read_entries, write_entries
from gps_seg.sparse.selection import Selection


class SelectedEntries:
    """The selected entries of one weight, as a trainable 1-D parameter.

    Attributes:
        values: Trainable values, shape ``(num_selected,)``, in the dtype and
            on the device of the weight.

    Args:
        weight: Dense weight, any shape; keeps its identity and its storage.
        indices: Flat indices into it, shape ``(num_selected,)``, int64.
    """

    def __init__(self, weight: nn.Parameter, indices: Tensor) -> None:
        self.weight = weight
        self.indices = indices.to(weight.device)
        self.values = nn.Parameter(read_entries(weight, self.indices))
        self._handle: RemovableHandle = (
            weight.register_post_accumulate_grad_hook(self._gather_gradient)
        )

    def _gather_gradient(self, weight: Tensor) -> None:
        """Take the selected entries' gradients; free the dense gradient."""
        assert weight.grad is not None
        gradient = read_entries(weight.grad, self.indices)
        weight.grad = None
        if self.values.grad is None:
            self.values.grad = gradient
        else:
            self.values.grad += gradient

    def write(self) -> None:
        """Put the values into the dense weight (after an optimizer step)."""
        write_entries(self.weight, self.indices, self.values)

    @torch.no_grad()
    def read(self) -> None:
        """Take the values from the dense weight (after it was loaded)."""
        self.values.copy_(read_entries(self.weight, self.indices))

    def release(self) -> None:
        """Stop gathering: the weight is a plain parameter again."""
        self._handle.remove()


class SelectedWeights(Mapping[str, SelectedEntries]):
    """The selected entries of a model's weights, by parameter name.

    Args:
        model: The model; its modules and state-dict keys do not change.
        selection: Made for this model.

    Raises:
        ValueError: If the model has no weight of a selected name and shape.
    """

    def __init__(self, model: nn.Module, selection: Selection) -> None:
        parameters = dict(model.named_parameters())
        for name, shape in selection.shapes.items():
            if name not in parameters or parameters[name].shape != shape:
                found = (
                    tuple(parameters[name].shape)
                    if name in parameters
                    else 'no such weight'
                )
                raise ValueError(
                    f'selection: expected a model with a weight of shape '
                    f'{tuple(shape)}, got {found} ({name}). The selection '
                    'was made for another model.'
                )
        self._entries = {
            name: SelectedEntries(parameters[name], indices)
            for name, indices in selection.items()
        }

    def __getitem__(self, name: str) -> SelectedEntries:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def write(self) -> None:
        """Put all values into the dense weights."""
        for entries in self.values():
            entries.write()

    def read(self) -> None:
        """Take all values from the dense weights."""
        for entries in self.values():
            entries.read()

    def release(self) -> None:
        """Stop gathering: the model is the plain model again."""
        for entries in self.values():
            entries.release()
