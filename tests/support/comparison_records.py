# Copyright (c) gps_seg contributors. Apache-2.0.
"""Records of runs, written by hand."""

from gps_seg.comparison.records import RunRecord, SetScores

DIGESTS = {'head': 'a', 'batches': 'b', 'settings': 'c'}


def record_of(*, dice, variant='gps', seed=0, rate=None, **others):
    """A record with these Dice scores of images 0, 1, ..."""
    values = dict(
        variant=variant,
        seed=seed,
        rate=rate,
        method={'type': 'gps', 'k': 1},
        trained=10,
        total=100,
        task_bytes=1000,
        seconds=5.0,
        curve=[],
        scores={'validation': scores_of(dice)},
        treatment=dict(DIGESTS),
    )
    return RunRecord(**{**values, **others})


def scores_of(dice):
    iou = [100 * d / (200 - d) for d in dice]
    return SetScores(
        images=[str(i) for i in range(len(dice))],
        per_image={'Dice': list(dice), 'IoU': iou},
        pooled={'mDice': 80.0, 'mIoU': 70.0},
    )
