# Copyright (c) gps_seg contributors. Apache-2.0.
"""The contract of every method, as data: one row per method.

All methods go through the same checks on all encoders of
``contract_models.py``, by what is declared here. A new method needs a row, and
nothing else in this folder. A row of other settings names its ``type``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
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
            shares no code with the method; a range if the data decide.
        identity: Whether the model at first computes what it did before.
        merges: True if the trained model can be folded into a plain one, or
            words of the reason why not.
        refuses: Name of each encoder that it does not take -> words of the
            message (a regular expression).
        scores: Whether it needs a pass over the training data.
        idle: Names of trained tensors that may have no gradient in the first
            two steps (a regular expression); say why in a comment.
        package: Package without which the method is not tested.
        recomputes: Whether blocks may be recomputed in the backward pass.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    count: Callable[[Encoder], int | range]
    identity: bool = True
    merges: bool | str = True
    refuses: Mapping[str, str] = field(default_factory=dict)
    scores: bool = False
    idle: str = '(?!)'
    recomputes: bool = True
    package: str = 'torch'


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


def bottleneck(rank: int, width: int) -> int:
    """Number of values of two maps with biases."""
    return 2 * rank * width + rank + width


def is_bare(weight: str, encoder: Encoder) -> bool:
    """Whether a layer has no bias, nor stands behind a norm as in Swin."""
    bias = weight.removesuffix('weight') + 'bias'
    return bias not in encoder.shapes and 'downsample.reduction' not in weight


#: Encoders that are no plain ViT; SAM's is one between its windows.
NO_VIT = ('swin', 'convnext', 'linear_layers')
#: Start of the names of the last block, and of what is behind it.
LAST = (
    *('layers.1.', 'stages.1.blocks.1.', 'stages.1.0.'),
    *('ln1.', 'norm0.', 'norm1.', 'channel_reduction.'),
)
#: Why an addition that is not linear cannot be folded into the weights.
NOT_LINEAR = 'it is not a linear function of what the encoder computes'
NO_BLOCKS = {'linear_layers': 'expected .*blocks'}

ROWS: Mapping[str, Case] = {
    'gps': Case(
        settings={'k': 1},
        count=lambda e: rows(e.weights) + total(e.biases),
        scores=True,
    ),
    'gps_unit': Case(
        settings={
            'type': 'gps',
            'k': 1,
            'score': 'decrement',
            'step': 'unit',
        },
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
    'peft': Case(
        settings={'peft_type': 'lora', 'settings': {'r': 2}},
        count=lambda e: sum(2 * 2 * 2 * width for width, _ in e.blocks),
        refuses=NO_ATTENTION,
        package='peft',
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
    'adapter': Case(
        settings={'rank': 2},
        count=lambda e: sum(bottleneck(2, width) for width, _ in e.blocks),
        merges=NOT_LINEAR,
        refuses={'linear_layers': 'without blocks'},
    ),
    'houlsby': Case(
        settings={'rank': 2},
        count=lambda e: sum(2 * bottleneck(2, width) for width, _ in e.blocks),
        identity=False,
        merges=NOT_LINEAR,
        refuses={
            'linear_layers': 'without blocks',
            'convnext': 'with blocks of others',
        },
    ),
    'adaptformer': Case(
        settings={'rank': 2, 'dropout': 0.0},
        count=lambda e: sum(bottleneck(2, width) for width, _ in e.blocks),
        merges=NOT_LINEAR,
        refuses={'linear_layers': 'it has no blocks'},
    ),
    'repadapter': Case(
        settings={'rank': 2, 'dropout': 0.0},
        # The map out of the bottleneck is in two groups.
        count=lambda e: sum(
            (1 + e.attention) * (2 * w + 2 + w + w) for w, _ in e.blocks
        ),
        refuses={'linear_layers': 'without blocks'},
    ),
    'binary': Case(
        settings={'rank': 2, 'dropout': 0.0},
        count=lambda e: sum(2 * 2 * width for width, _ in e.blocks),
        identity=False,
        merges=NOT_LINEAR,
        refuses={'linear_layers': 'it has no blocks'},
    ),
    'mona': Case(
        settings={'rank': 2, 'dropout': 0.0},
        # Norm, two scales, bottleneck, kernels of 3, 5 and 7, and of 1 pixel.
        count=lambda e: sum(
            (1 + e.attention)
            * (4 * w + bottleneck(2, w) + 2 * (9 + 25 + 49 + 3) + 6)
            for w, _ in e.blocks
        ),
        merges=NOT_LINEAR,
        refuses={'linear_layers': 'it has no blocks'},
    ),
    'dyt': Case(
        settings={'rank': 2, 'dropout': 0.0, 'complete': False},
        count=lambda e: sum(bottleneck(2, w) + w + 1 for w, _ in e.blocks),
        identity=False,
        merges=NOT_LINEAR,
        refuses=dict.fromkeys(NO_VIT, 'expected a plain ViT'),
        recomputes=False,
    ),
    'ssf': Case(
        count=lambda e: (
            2 * total(e.biases)
            + total(e.norms)
            + rows({n: e.weights[n] for n in e.weights if is_bare(n, e)})
        ),
        identity=False,
    ),
    'ia3': Case(
        count=lambda e: sum(e.attention * 2 * w + h for w, h in e.blocks),
        refuses={'linear_layers': 'expected linear maps of the kinds'},
    ),
    'diffit': Case(
        count=lambda e: (
            total(e.biases)
            + total(e.norms)
            + sum((1 + e.attention) * width for width, _ in e.blocks)
        ),
        refuses={'linear_layers': 'expected linear maps of the kinds'},
    ),
    'fact': Case(
        settings={'rank': 2},
        # 4 parts of the attention and 2 of each layer of the MLP.
        count=lambda e: 2 * 2 * 8 + 2 * 2 * 8 * len(e.blocks),
        refuses=dict.fromkeys(NO_VIT, 'expected blocks of one width'),
    ),
    'vpt': Case(
        settings={'prompts': 3, 'dropout': 0.0},
        count=lambda e: sum(3 * width for width, _ in e.blocks),
        identity=False,
        merges=NOT_LINEAR,
        refuses=dict.fromkeys(
            ('sam', 'convnext', 'linear_layers'),
            'expected an encoder whose blocks',
        ),
    ),
    'e2vpt': Case(
        settings={'prompts': 3, 'key_value_prompts': 2, 'dropout': 0.0},
        count=lambda e: sum((3 + 2) * width for width, _ in e.blocks),
        identity=False,
        merges=NOT_LINEAR,
        refuses=dict.fromkeys(('sam', *NO_VIT), 'prompts: expected'),
    ),
    'e2vpt_pruned': Case(
        settings={
            'type': 'e2vpt',
            'prompts': 4,
            'key_value_prompts': 2,
            'dropout': 0.0,
            'keep_tokens': 0.5,
        },
        count=lambda e: sum((2 + 2) * width for width, _ in e.blocks),
        identity=False,
        merges=NOT_LINEAR,
        scores=True,
        refuses=dict.fromkeys(('sam', *NO_VIT), 'prompts: expected'),
    ),
    'spt_lora': Case(
        settings={'budget': 400, 'rank': 2},
        count=lambda e: range(200, 401),
        scores=True,
        refuses={'linear_layers': 'expected linear maps of attention or of'},
    ),
    'spt_adapter': Case(
        settings={'budget': 400, 'rank': 2},
        count=lambda e: range(200, 401),
        scores=True,
        merges=NOT_LINEAR,
        refuses={'linear_layers': 'expected linear maps of attention or of'},
    ),
    'sct': Case(
        settings={'share': 0.25},
        count=lambda e: sum(
            (width // 4) ** 2 + width // 4 for width, _ in e.blocks
        ),
        identity=False,
        scores=True,
        refuses={'linear_layers': 'expected linear maps of the kinds'},
    ),
    'budgeted': Case(
        settings={
            'of': {'type': 'lora', 'rank': 2, 'on': ('all',)},
            'budget': 200,
        },
        count=lambda e: range(100, 201),
        scores=True,
        refuses={'linear_layers': r"Choose from \['other'\]"},
    ),
}


def type_of(row: str) -> str:
    """The type of the method of a row: its own name, unless it says so."""
    kind: str = ROWS[row].settings.get('type', row)
    return kind


#: Rows of the methods that are here already.
CASES = {name: case for name, case in ROWS.items() if type_of(name) in METHODS}


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
        if find_spec(case.package) is not None
    ]
