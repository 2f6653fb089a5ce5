# Copyright (c) gps_seg contributors. Apache-2.0.
"""Export a segmentor, and check that the file computes what the model does."""

import copy
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gps_seg.additions import additions_of, merge, plan_of
from gps_seg.execution import plain_forwards
from gps_seg.export.image_to_logits import ImageToLogits
from gps_seg.export.interface import Interface
from gps_seg.export.onnx_file import load_onnx, write_onnx
from gps_seg.export.torchscript_file import load_torchscript, write_torchscript
from gps_seg.files import replacing

#: Largest difference allowed, as a share of the largest logit.
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
    """How far the logits of an exported model are from the original ones.

    Args:
        difference: Largest absolute difference between two logits.
        scale: Largest absolute logit.

    Example:
        >>> Agreement(difference=1e-6, scale=10.0).is_close
        True
    """

    difference: float
    scale: float

    @property
    def is_close(self) -> bool:
        """Whether the difference is within the tolerance; False for NaN."""
        return self.difference <= TOLERANCE * self.scale


def require_exportable(out: Path) -> None:
    """Check the name of the file and the packages before a model is built.

    Args:
        out: Path of the exported file.

    Raises:
        ValueError: If the name does not end in ``.onnx`` or ``.pt``.
        FileExistsError: If there is a file or folder of that name.
        FileNotFoundError: If its folder does not exist.
        ImportError: If a package that the format needs is missing.

    Example:
        >>> require_exportable(Path('model.tflite'))
        Traceback (most recent call last):
        ValueError: --out: expected a name that ends in .onnx or .pt, got ...
    """
    if out.suffix not in FORMATS:
        raise ValueError(
            f'--out: expected a name that ends in {" or ".join(FORMATS)}, '
            f'got {out}.'
        )
    if out.exists():
        raise FileExistsError(
            f'--out: expected a new file, got one that exists ({out}). '
            'Remove it or choose another name.'
        )
    if not out.parent.is_dir():
        raise FileNotFoundError(
            f'--out: expected an existing folder, got {out.parent}. Create '
            'it first.'
        )
    missing = [
        name
        for name in FORMATS[out.suffix].packages
        if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise ImportError(
            f'{out.suffix}: expected the packages that write and run it, '
            f'missing {", ".join(missing)}. Run pip install '
            "'gps-seg[export]'."
        )


def export_segmentor(
    segmentor: nn.Module, interface: Interface, out: Path
) -> Agreement:
    """Write a segmentor to ``out``, whole and checked, or not at all.

    Modules that a method added are folded into the weights; those for which
    this is impossible are exported as they are.

    Args:
        segmentor: Segmentor on the CPU, in float32 and evaluation mode; not
            changed.
        interface: Interface of the exported model.
        out: New file whose name ends in ``.onnx`` or ``.pt``.

    Returns:
        Agreement between the file and the segmentor on random input.

    Raises:
        RuntimeError: If the file computes something else; it is removed.
        ValueError: If the segmentor does not accept images of this size, or
            cannot be exported.
        ImportError: If a package that the format needs is missing.
        OSError: If the file exists or cannot be written.

    Example::

        interface = interface_of(segmentor, config)
        agreement = export_segmentor(segmentor, interface, Path('gps.onnx'))
        assert agreement.is_close
    """
    require_exportable(out)
    written = FORMATS[out.suffix]
    model = ImageToLogits(segmentor, interface.size)
    _require_size(model, interface)
    # The graph in the file is that of the classes.
    with plain_forwards(segmentor), replacing(out) as partial:
        plain = ImageToLogits(without_additions(segmentor), interface.size)
        written.write(plain, interface, partial)
        agreement = compare(model, written.load(partial), interface)
        if not agreement.is_close:
            raise RuntimeError(
                f'{out.suffix}: expected logits within '
                f'{TOLERANCE * agreement.scale:.3g} of those of the model, '
                f'got a difference of {agreement.difference:.3g} ({out}). '
                f'The file was removed. {_remedy(interface)}'
            )
    return agreement


def without_additions(segmentor: nn.Module) -> nn.Module:
    """A segmentor that computes the same, if possible without additions.

    Args:
        segmentor: Segmentor with or without additions; not changed.

    Returns:
        A copy into which all additions are merged, or with the additions as
        they are if one cannot be merged. The segmentor itself if it has none.
    """
    if not plan_of(segmentor):
        return segmentor
    plain = copy.deepcopy(segmentor)
    try:
        merge(plain)
    except ValueError:
        for addition in additions_of(plain).values():
            addition.settle()
    return plain


def _require_size(model: ImageToLogits, interface: Interface) -> None:
    try:
        with torch.no_grad():
            model(torch.zeros(interface.shape(1)))
    except RuntimeError as error:
        reason = str(error).partition('\n')[0]
        raise ValueError(
            'size: expected one that the model accepts, got '
            f'{interface.size}: {reason}. Choose another --size.'
        ) from error


def compare(
    model: ImageToLogits,
    exported: Callable[[Tensor], Tensor],
    interface: Interface,
) -> Agreement:
    """Run both models on random numbers of mean 0 and deviation 1.

    Batches have one image, and also three if the model accepts any batch.
    """
    generator = torch.Generator().manual_seed(_SEED)
    differences, scales = [], []
    for batch in (1, 3) if interface.any_batch else (1,):
        image = torch.randn(interface.shape(batch), generator=generator)
        with torch.no_grad():
            expected = model(image)
            actual = _run(exported, image, interface)
        if expected.shape != actual.shape:
            raise RuntimeError(
                'exported model: expected logits of shape '
                f'{tuple(expected.shape)}, got {tuple(actual.shape)}. The '
                f'file was removed. {_remedy(interface)}'
            )
        differences.append((expected - actual).abs().max())
        scales.append(expected.abs().max())
    # Tensor.max keeps a NaN, which Python's max may skip.
    worst, largest = torch.stack(differences).max(), torch.stack(scales).max()
    return Agreement(float(worst), float(largest))


def _run(
    exported: Callable[[Tensor], Tensor], image: Tensor, interface: Interface
) -> Tensor:
    try:
        return exported(image)
    except Exception as error:  # each runtime has classes of its own
        reason = str(error).strip().partition('\n')[0]
        raise RuntimeError(
            'exported model: expected one that runs on a batch of '
            f'{len(image)}, got: {reason}. The file was removed. '
            f'{_remedy(interface)}'
        ) from error


def _remedy(interface: Interface) -> str:
    if interface.any_batch:
        return 'This model can be exported for one image at a time only.'
    return 'Try the other format.'
