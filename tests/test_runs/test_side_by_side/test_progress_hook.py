"""Runs side by side in one process."""

import io
from types import SimpleNamespace

import pytest

from gps_seg.runs.side_by_side.progress_hook import ProgressHook


def test_a_validation_by_other_metrics_is_told():
    """And not that a dictionary has no such key."""
    runner = SimpleNamespace(iter=1, work_dir='runs/a')
    hook = ProgressHook('gps', io.StringIO())
    with pytest.raises(ValueError, match=r'got accuracy/top1 \(runs/a\)'):
        hook.after_val_epoch(runner, {'accuracy/top1': 50.0})
