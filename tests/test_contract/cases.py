# Copyright (c) gps_seg contributors. Apache-2.0.
"""The contract of every method, as data: one row per method.

All methods go through the same checks on all encoders of
``contract_models.py``, by what is declared here. A new method needs a row, and
nothing else in this folder.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

from contract_models import ENCODERS, Encoder

from gps_seg.peft import METHODS, PeftMethod, build_method


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a method promises.

    Args:
        settings: Its settings, for widths of 8 and 16.
        count: Number of values that train in an encoder, by a formula that
            shares no code with the method.
        identity: Whether the model at first computes what it did before.
        merges: True if the trained model can be folded into a plain one, or
            words of the reason why not.
        refuses: Name of each encoder that it does not take -> words of the
            message (a regular expression).
        scores: Whether it needs a pass over the training data.
        idle: Names of trained tensors that may have no gradient in the first
            two steps (a regular expression); say why in a comment.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    count: Callable[[Encoder], int]
    identity: bool = True
    merges: bool | str = True
    refuses: Mapping[str, str] = field(default_factory=dict)
    scores: bool = False
    idle: str = '(?!)'


def total(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Number of values of tensors."""
    return sum(map(prod, shapes.values()))


def rows(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Number of neurons of weights."""
    return sum(shape[0] for shape in shapes.values())


NO_ATTENTION = {
    'convnext': r"Choose from \['fc1', 'fc2'",
    'linear_layers': r"Choose from \['other'\]",
}

#: Start of the names of the last block, and of the norms behind it.
LAST = (
    *('layers.1.', 'stages.1.blocks.1.', 'stages.1.0.'),
    *('ln1.', 'norm0.', 'norm1.'),
)
#: Why an addition that is not linear cannot be folded into the weights.
NOT_LINEAR = 'it is not a linear function of what the encoder computes'
NO_BLOCKS = {'linear_layers': 'expected an encoder with .*blocks'}

CASES: Mapping[str, Case] = {
    'gps': Case(
        settings={'k': 1},
        count=lambda e: rows(e.weights) + total(e.biases),
        scores=True,
    ),
    'sift': Case(
        settings={'share': 0.5},
        count=lambda e: total(e.weights) // 2 + total(e.biases),
        scores=True,
    ),
    'grft': Case(
        settings={'k': 1, 'unit': 'row', 'penalty': 0.1, 'last_blocks': 0},
        count=lambda e: (
            sum(prod(shape[1:]) for shape in e.weights.values())
            + total(e.biases)
        ),
        scores=True,
    ),
    'fps': Case(
        count=lambda e: rows(e.weights) + total(e.biases), scores=True
    ),
    'neuroada': Case(settings={'k': 2}, count=lambda e: 2 * rows(e.matrices)),
    'shira': Case(
        settings={'rank': 1},
        count=lambda e: sum(map(sum, e.matrices.values())),
    ),
    'paca': Case(
        settings={'columns': 3}, count=lambda e: 3 * rows(e.matrices)
    ),
    'bias': Case(count=lambda e: total(e.biases)),
    'bitfit': Case(
        count=lambda e: total(
            {n: s for n, s in e.shapes.items() if n.endswith('bias')}
        )
    ),
    'norm': Case(count=lambda e: total(e.norms)),
    'partial': Case(
        count=lambda e: total(
            {n: s for n, s in e.shapes.items() if n.startswith(LAST)}
        ),
        refuses=NO_BLOCKS,
    ),
    'linear': Case(count=lambda e: 0),
    'full': Case(count=lambda e: total(e.shapes)),
    'lora': Case(
        settings={'rank': 2},
        count=lambda e: sum(2 * 2 * 2 * width for width, _ in e.blocks),
        refuses=NO_ATTENTION,
    ),
    'rein': Case(
        settings={'tokens': 4, 'rank': 2},
        count=lambda e: (
            sum(2 * (4 + width) for width, _ in e.blocks)
            + sum(2 * (w * w + w) + 1 for w in {w for w, _ in e.blocks})
        ),
        identity=False,
        merges=NOT_LINEAR,
        refuses=NO_BLOCKS,
    ),
}


def built(method: str) -> PeftMethod:
    """The method of a row."""
    return build_method({'type': method, **CASES[method].settings}, METHODS)


def pairs(refused: bool = False) -> list[tuple[str, str]]:
    """Each method with each encoder that it takes, or that it refuses."""
    return [
        (method, encoder)
        for method, case in CASES.items()
        for encoder in ENCODERS
        if (encoder in case.refuses) is refused
    ]
