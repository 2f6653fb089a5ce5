# Copyright (c) gps_seg contributors. Apache-2.0.
"""Write and run ONNX files, by ``torch.export`` and ONNX Runtime."""

import importlib
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from gps_seg.export.image_to_logits import ImageToLogits
from gps_seg.export.interface import INPUT, METADATA_KEY, OUTPUT, Interface

#: From 1.5 GiB on, torch writes the weights to a second file.
MAX_BYTES = 3 * 2**29 - 2**24  # leaves some space for the graph


def write_onnx(model: ImageToLogits, interface: Interface, path: Path) -> None:
    """Write the model as one ``.onnx`` file.

    Raises:
        ValueError: If the model is too large for one file, or has an
            operation that ONNX does not have.
    """
    size = sum(
        t.numel() * t.element_size() for t in model.state_dict().values()
    )
    if size > MAX_BYTES:
        raise ValueError(
            f'model: expected weights of at most {MAX_BYTES:,} bytes for one '
            f'ONNX file, got {size:,}. Export to TorchScript (.pt).'
        )
    program = _translated(model, interface)
    # Remove the paths and lines of this machine's files from every node.
    for node in program.model.graph.all_nodes():
        node.metadata_props.clear()
    program.model.metadata_props[METADATA_KEY] = interface.to_json()
    program.save(path)


def load_onnx(path: Path) -> Callable[[Tensor], Tensor]:
    """The model in an ``.onnx`` file, run on the CPU."""
    runtime = importlib.import_module('onnxruntime')
    session = runtime.InferenceSession(
        str(path), providers=['CPUExecutionProvider']
    )

    def run(image: Tensor) -> Tensor:
        (logits,) = session.run([OUTPUT], {INPUT: image.numpy()})
        return torch.from_numpy(logits)

    return run


def _translated(
    model: ImageToLogits, interface: Interface
) -> torch.onnx.ONNXProgram:
    # torch.export takes a batch size of 1 for a constant.
    example = torch.zeros(interface.shape(2 if interface.any_batch else 1))
    axes = {0: torch.export.Dim('batch')} if interface.any_batch else {}
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                model,
                (example,),
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes={'image': axes},
                dynamo=True,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise ValueError(
            'model: expected operations that torch.onnx can translate, got: '
            f'{_first_line(error)} (input {interface.shape(1)}, any batch: '
            f'{interface.any_batch}). Try TorchScript (.pt)'
            f'{", or a fixed batch" if interface.any_batch else ""}.'
        ) from error
    assert program is not None  # None only without dynamo
    return program


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the reports of torch and onnxscript on their own work."""
    logger = logging.getLogger('onnxscript')
    level = logger.level
    # onnxscript logs a line for each constant that it cannot fold.
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # torch uses a function that it has itself deprecated.
            warnings.filterwarnings(
                'ignore', r'`isinstance\(treespec', FutureWarning
            )
            yield
    finally:
        logger.setLevel(level)


def _first_line(error: Exception) -> str:
    """Line with the cause; torch's own text is advice on bug reports."""
    cause = error.__cause__ or error
    lines = str(cause).strip().splitlines()
    return lines[0] if lines else type(cause).__name__
