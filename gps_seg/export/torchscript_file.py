# Copyright (c) gps_seg contributors. Apache-2.0.
"""Write and run TorchScript files.

PyTorch has deprecated TorchScript without a successor that LibTorch and the
mobile runtimes read alike, so it is still what many programs in C++ load.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from gps_seg.export.image_to_logits import ImageToLogits
from gps_seg.export.interface import METADATA_KEY, Interface


class ShapeChecked(nn.Module):
    """A traced model that refuses inputs that it was not traced for.

    A trace repeats the operations that it has seen: of another size it may
    give wrong numbers without an error.

    Args:
        traced: The traced model.
        shape: Shape of its input, without the batch.
        batch: Number of images; 0 for any.
    """

    def __init__(
        self, traced: nn.Module, shape: list[int], batch: int
    ) -> None:
        super().__init__()
        self.traced = traced
        self.shape = shape
        self.batch = batch

    def forward(self, image: Tensor) -> Tensor:
        """Logits of every pixel."""
        shape = list(image.shape)
        batch = shape[0] if self.batch == 0 else self.batch
        if shape != [batch] + self.shape:
            raise ValueError(
                'image: expected shape {}, got {}.'.format(  # noqa: UP032
                    [batch] + self.shape, shape
                )
            )
        return self.traced(image)


def write_torchscript(
    model: ImageToLogits, interface: Interface, path: Path
) -> None:
    """Write the model as a TorchScript file."""
    # A batch of one could be taken for an axis to broadcast.
    example = torch.zeros(interface.shape(2 if interface.any_batch else 1))
    batch = 0 if interface.any_batch else 1
    with _quiet(), torch.no_grad():
        # Checked by us, on other numbers than it was traced with.
        traced = torch.jit.trace(model, (example,), check_trace=False)
        checked = ShapeChecked(traced, list(example.shape[1:]), batch)
        torch.jit.save(
            torch.jit.script(checked.eval()),
            str(path),
            _extra_files={f'{METADATA_KEY}.json': interface.to_json()},
        )


def load_torchscript(path: Path) -> Callable[[Tensor], Tensor]:
    """The model in a TorchScript file, run on the CPU."""
    with _quiet():
        return torch.jit.load(str(path), map_location='cpu')


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch says of TorchScript, and of constants in a trace.

    The sizes are meant to be constants: the file checks its input.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', r'`torch\.jit\.', DeprecationWarning)
        warnings.filterwarnings('ignore', category=torch.jit.TracerWarning)
        yield
