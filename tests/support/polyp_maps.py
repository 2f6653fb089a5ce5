"""Maps of probability and masks of polyps, small and random."""

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

IGNORE = 255
BINARY = ('background', 'polyp')


def library():
    """PySODMetrics; the test is skipped where it is not installed."""
    return pytest.importorskip(
        'py_sod_metrics',
        reason='PySODMetrics or what it imports is not installed',
        exc_type=ImportError,
    )


def random_map(seed, size=(14, 19)):
    """A map in steps of 1/255 and a rectangle that it finds in part.

    Outside a rectangle, the nearest pixel of it is always unique.
    """
    rng = np.random.default_rng(seed)
    truth = np.zeros(size, bool)
    (top, left), (high, wide) = rng.integers(1, 5, 2), rng.integers(3, 8, 2)
    truth[top : top + high, left : left + wide] = True
    levels = rng.integers(0, 256, size) * rng.integers(0, 2, size)
    levels = np.where(truth, np.maximum(levels, rng.integers(0, 256)), levels)
    return levels / 255, truth


def sample_of(probability, truth, img_path='a.jpg', *, channels=2):
    """A sample as MMSegmentation's segmentors return it."""
    probability = torch.as_tensor(probability, dtype=torch.float64)
    if channels == 2:
        logit = torch.logit(probability)
        output = torch.stack([torch.zeros_like(logit), logit])
        output = output.clamp(-1e6, 1e6)
        predicted = output.argmax(dim=0)
    else:
        output = probability[None]
        predicted = (probability > 0.3).long()  # the default of such heads
    sample = SegDataSample(metainfo={'img_path': img_path})
    sample.seg_logits = PixelData(data=output)
    sample.pred_sem_seg = PixelData(data=predicted[None])
    labels = torch.as_tensor(np.asarray(truth, dtype=np.int64))
    sample.gt_sem_seg = PixelData(data=labels[None])
    return sample
