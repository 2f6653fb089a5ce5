# Copyright (c) gps_seg contributors. Apache-2.0.
"""The only import of PySODMetrics, which is optional."""

import inspect
from typing import Any


def py_sod_metrics() -> Any:
    """The library PySODMetrics, imported when it is first used.

    Raises:
        ImportError: If it, or what it imports, is not installed, or if it is
            so old that it rescales every map to its least and greatest value.
    """
    try:
        import py_sod_metrics as library  # noqa: PLC0415  (optional, slow)
    except ImportError as error:
        raise ImportError(_message(f'none ({error})')) from None
    if 'normalize' not in inspect.signature(library.MAE.step).parameters:
        raise ImportError(_message('one that rescales every map'))
    return library


def _message(got: str) -> str:
    return (
        f'PolypMetric: expected PySODMetrics 1.6, got {got}. Run: '
        'pip install scikit-image scikit-learn && '
        "pip install --no-deps 'pysodmetrics>=1.6.2,<1.7'"
    )
