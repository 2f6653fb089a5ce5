# Copyright (c) gps_seg contributors. Apache-2.0.
"""Score the models between a base and a tuned one (WiSE-FT).

They are ``base + alpha * (tuned - base)``, see "Robust fine-tuning of
zero-shot models" (Wortsman et al., CVPR 2022). A new tensor, such as the head
of a task whose base has none, keeps its tuned values at every alpha. On images
unlike those of the training such a model may score higher than the tuned one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from torch import nn

from gps_seg.comparison.records import SetScores
from gps_seg.delta import Delta, applied, scaled
from gps_seg.files import write_json
from gps_seg.runs.scoring.images import ImagesToScore

#: Scores of the models of one run by alpha and data set.
ByAlpha = dict[float, dict[str, SetScores]]


def score_between(
    base: nn.Module,
    delta: Delta,
    alphas: Sequence[float],
    data: Mapping[str, ImagesToScore],
    after_batch: Callable[[], None] = lambda: None,
) -> ByAlpha:
    """Score the models between a base and a tuned one.

    Args:
        base: Base of the delta, without a delta; the same afterwards.
        delta: Delta of the tuned model, without additions.
        alphas: Shares of the tuned model.
        data: Data sets by name.
        after_batch: Function that is called after each batch.

    Raises:
        ValueError: If the delta belongs to another base, or adds modules.
    """
    scores: ByAlpha = {}
    for alpha in alphas:
        with applied(base, scaled(base, delta, alpha)):
            scores[alpha] = score_all(base, data, after_batch)
    return scores


def score_all(
    model: nn.Module,
    data: Mapping[str, ImagesToScore],
    after_batch: Callable[[], None] = lambda: None,
) -> dict[str, SetScores]:
    """Score a model on each data set.

    Args:
        model: Model; put into evaluation mode.
        data: Data sets by name.
        after_batch: Function that is called after each batch.
    """
    return {
        name: images.score(model, after_batch=after_batch)
        for name, images in data.items()
    }


def write_scores(scores: ByAlpha, path: Path) -> None:
    """Write the scores of every image as JSON."""
    text = {
        str(alpha): {name: asdict(each) for name, each in by_set.items()}
        for alpha, by_set in scores.items()
    }
    write_json(text, path)


def read_scores(path: Path) -> ByAlpha:
    """Read what :func:`write_scores` has written.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    found = json.loads(path.read_text(encoding='utf-8'))
    return {
        float(alpha): {
            name: SetScores(**scores) for name, scores in by_set.items()
        }
        for alpha, by_set in found.items()
    }
