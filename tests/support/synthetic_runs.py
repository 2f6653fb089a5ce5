# Copyright (c) gps_seg contributors. Apache-2.0.
"""Records of runs that never ran, with scores of known structure."""

import numpy as np

from gps_seg.comparison.records import RunRecord, SetScores

IMAGES = 40


def set_scores(dice, images=None):
    """Scores of one data set from the Dice of each image, in percent."""
    dice = np.asarray(dice, dtype=float)
    iou = 100 * dice / (200 - dice)
    return SetScores(
        images=images or [f'image{i}' for i in range(len(dice))],
        per_image={'Dice': dice.tolist(), 'IoU': iou.tolist()},
        pooled={'mDice': dice.mean() + 1.0, 'mIoU': iou.mean() + 2.0},
    )


def run_record(variant, seed, dice, *, unseen=None, **values):
    """Record of a run from the Dice of each validation image."""
    validation = set_scores(dice)
    others = {name: set_scores(each) for name, each in (unseen or {}).items()}
    end = validation.mean('Dice')
    return RunRecord(
        **{
            'variant': variant,
            'seed': seed,
            'rate': None,
            'method': {'type': variant},
            'trained': 1000,
            'total': 100_000,
            'task_bytes': 4096,
            'seconds': 60.0,
            'curve': [[100, end - 4], [200, end - 1], [300, end]],
            'scores': {'validation': validation, **others},
            'treatment': {'head': 'abc'},
            **values,
        }
    )


def comparison(levels, seeds=(0, 1, 2), unseen=('clinic', 'centre'), rates=3):
    """Final runs and rate runs of variants with given mean Dice.

    Args:
        levels: Mean Dice and trained values by variant.
        seeds: Seeds of the final runs.
        unseen: Names of unseen data sets.
        rates: Number of rates that were tuned; 0 for none.

    Returns:
        Final runs and rate runs.
    """
    generator = np.random.default_rng(7)
    hard = generator.normal(0, 8, IMAGES)

    def dice(level):
        noise = generator.normal(0, 2, IMAGES) + generator.normal(0, 0.6)
        return np.clip(level + hard + noise, 0, 100)

    grid = [0.1, 0.3, 1.0, 3.0, 10.0][:rates]
    runs, rate_runs = [], []
    for number, (name, (level, trained)) in enumerate(levels.items()):
        for seed in seeds:
            others = {
                each: dice(level - 8 - 5 * i) for i, each in enumerate(unseen)
            }
            rate = grid[number % rates] if rates else None
            costs = {'trained': trained, 'total': 90_000_000, 'rate': rate}
            costs['task_bytes'] = 4 * trained
            runs.append(
                run_record(name, seed, dice(level), unseen=others, **costs)
            )
        for place, rate in enumerate(grid):
            off = -3 * abs(place - number % rates)
            rate_runs.append(run_record(name, 9, dice(level + off), rate=rate))
    return runs, rate_runs
