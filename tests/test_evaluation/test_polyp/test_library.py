"""The optional library is asked for when the metric is built."""

import subprocess
import sys
from types import ModuleType

import pytest

from gps_seg.evaluation import PolypMetric

REMEDY = "pip install --no-deps 'pysodmetrics"


def test_a_missing_library_is_one_line_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, 'py_sod_metrics', None)

    with pytest.raises(ImportError, match=REMEDY) as info:
        PolypMetric()

    assert 'PolypMetric: expected PySODMetrics' in str(info.value)
    assert '\n' not in str(info.value)


def test_a_version_that_rescales_every_map_is_refused(monkeypatch):
    class Error:
        def step(self, pred, gt):
            pass

    old = ModuleType('py_sod_metrics')
    old.MAE = Error
    monkeypatch.setitem(sys.modules, 'py_sod_metrics', old)

    with pytest.raises(ImportError, match='got one that rescales every map'):
        PolypMetric()


def test_the_package_is_imported_without_the_library():
    code = 'import sys, gps_seg.evaluation; print(*sys.modules)'
    done = subprocess.run(
        [sys.executable, '-c', code],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = done.stdout.split()
    assert 'gps_seg.evaluation.polyp.library' in loaded
    assert not {'py_sod_metrics', 'skimage', 'sklearn'} & set(loaded)
