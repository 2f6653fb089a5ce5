# Copyright (c) gps_seg contributors. Apache-2.0.
"""Write and run TorchScript files.

PyTorch has deprecated TorchScript, but no successor is read by both LibTorch
and the mobile runtimes. Many C++ programs still load it.
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
    """A traced model that refuses inputs of another shape.

    A trace repeats recorded operations. For an input of another size they may
    return wrong numbers without an error.

    Args:
        traced: Traced model.
        shape: Shape of its input without the batch axis.
        batch: Number of images in a batch; 0 for any.
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
    # A batch axis of size 1 could be recorded as one to broadcast.
    example = torch.zeros(interface.shape(2 if interface.any_batch else 1))
    batch = 0 if interface.any_batch else 1
    with _quiet(), torch.no_grad():
        # export_segmentor checks the trace, on other numbers.
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
    """Silence warnings about TorchScript and about constants in a trace.

    Sizes are meant to be constant: the file checks the shape of its input.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', r'`torch\.jit\.', DeprecationWarning)
        warnings.filterwarnings('ignore', category=torch.jit.TracerWarning)
        yield
