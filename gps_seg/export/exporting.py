# Copyright (c) gps_seg contributors. Apache-2.0.
"""Export a segmentor and see that the file computes what the model does."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gps_seg.export.image_to_logits import ImageToLogits
from gps_seg.export.interface import Interface
from gps_seg.export.onnx_file import load_onnx, write_onnx
from gps_seg.export.torchscript_file import load_torchscript, write_torchscript
from gps_seg.files import replacing

#: Largest difference that may be, as a share of the largest logit.
TOLERANCE = 1e-4
_SEED = 0


class _Format(NamedTuple):
    write: Callable[[ImageToLogits, Interface, Path], None]
    load: Callable[[Path], Callable[[Tensor], Tensor]]
    packages: tuple[str, ...]


FORMATS: dict[str, _Format] = {
    '.onnx': _Format(
        write_onnx, load_onnx, ('onnx', 'onnxruntime', 'onnxscript')
    ),
    '.pt': _Format(write_torchscript, load_torchscript, ()),
}


class Agreement(NamedTuple):
    """How far an exported model is from the one it was made of.

    Args:
        difference: The largest between two logits, absolute.
        scale: The largest absolute logit.
    """

    difference: float
    scale: float

    @property
    def is_close(self) -> bool:
        """Whether the difference is within the tolerance; false for NaN."""
        return self.difference <= TOLERANCE * self.scale


def require_exportable(out: Path) -> None:
    """Check what can be checked before a model is there.

    Raises:
        ValueError: If the name does not end in ``.onnx`` or ``.pt``.
        FileExistsError: If there is something of that name.
        FileNotFoundError: If the folder is not there.
        ImportError: If a package is missing that the format needs.
    """
    if out.suffix not in FORMATS:
        raise ValueError(
            f'--out: expected a name that ends in {" or ".join(FORMATS)}, '
            f'got {out}.'
        )
    if out.exists():
        raise FileExistsError(
            f'--out: expected a new file, got one that is there ({out}). '
            'Remove it or choose another name.'
        )
    if not out.parent.is_dir():
        raise FileNotFoundError(
            f'--out: expected a folder that is there, got {out.parent}. Make '
            'it first.'
        )
    missing = [
        name
        for name in FORMATS[out.suffix].packages
        if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise ImportError(
            f'{out.suffix}: expected the packages that write and run it, got '
            f'no {" and no ".join(missing)}. Run pip install '
            "'gps-seg[export]'."
        )


def export_segmentor(
    segmentor: nn.Module, interface: Interface, out: Path
) -> Agreement:
    """Write a segmentor to ``out``, whole and checked, or not at all.

    Args:
        segmentor: On the CPU, in float32 and evaluation mode.
        interface: Interface of the exported model.
        out: A new file that ends in ``.onnx`` or ``.pt``.

    Returns:
        How well the file agrees with the segmentor on random input.

    Raises:
        RuntimeError: If the file computes something else; it is removed.
        ValueError: If the segmentor cannot take such images, or not be
            exported.
        OSError: As :func:`require_exportable`, or if writing fails.
    """
    require_exportable(out)
    written = FORMATS[out.suffix]
    model = ImageToLogits(segmentor, interface.size)
    _require_size(model, interface)
    with replacing(out) as partial:
        written.write(model, interface, partial)
        agreement = compare(model, written.load(partial), interface)
        if not agreement.is_close:
            raise RuntimeError(
                f'{out.suffix}: expected logits within '
                f'{TOLERANCE * agreement.scale:.3g} of those of the model, '
                f'got a difference of {agreement.difference:.3g} ({out}). '
                f'The file was removed. {_remedy(interface)}'
            )
    return agreement


def _require_size(model: ImageToLogits, interface: Interface) -> None:
    try:
        with torch.no_grad():
            model(torch.zeros(interface.shape(1)))
    except RuntimeError as error:
        reason = str(error).partition('\n')[0]
        raise ValueError(
            'size: expected one that the model can take, got '
            f'{interface.size}: {reason}. Give another --size.'
        ) from error


def compare(
    model: ImageToLogits,
    exported: Callable[[Tensor], Tensor],
    interface: Interface,
) -> Agreement:
    """Run both on normal random numbers, which are images normalised.

    A model that takes any batch is given one image and three.
    """
    generator = torch.Generator().manual_seed(_SEED)
    differences, scales = [], []
    for batch in (1, 3) if interface.any_batch else (1,):
        image = torch.randn(interface.shape(batch), generator=generator)
        with torch.no_grad():
            expected, actual = model(image), exported(image)
        if expected.shape != actual.shape:
            raise RuntimeError(
                'exported model: expected logits of shape '
                f'{tuple(expected.shape)}, got {tuple(actual.shape)}. The '
                f'file was removed. {_remedy(interface)}'
            )
        differences.append((expected - actual).abs().max())
        scales.append(expected.abs().max())
    # Of tensors, as Python's own max may pass over a NaN.
    worst, largest = torch.stack(differences).max(), torch.stack(scales).max()
    return Agreement(float(worst), float(largest))


def _remedy(interface: Interface) -> str:
    if interface.any_batch:
        return 'This model can be exported for one image at a time only.'
    return 'Try the other format.'
