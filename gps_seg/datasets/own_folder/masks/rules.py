# Copyright (c) gps_seg contributors. Apache-2.0.
"""Rules that make classes of what masks store; plain data, for a config.

======================  =====================================================
`kind`                  meaning
======================  =====================================================
`'threshold'`           grey above ``above`` is class 1, the rest class 0
`'values'`              the stored ``values`` are the ``classes`` beside them
`'colours'`             the exact ``colours`` are the ``classes`` beside them
`'nearest_colours'`     each pixel has the class of the nearest colour
======================  =====================================================

A class of 255 is ignored by the loss and the metrics.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gps_seg.datasets.conversion.pair_checks import (
    MAX_MID_GREY_SHARE,
    check_two_values,
    mid_grey_patches,
    share_in_patches,
)
from gps_seg.datasets.conversion.problems import PairError
from gps_seg.datasets.own_folder.masks.colour_numbers import (
    distances,
    hexadecimal,
    packed,
)
from gps_seg.datasets.own_folder.masks.files import StoredMask

Rule = Mapping[str, Any]
#: Keys that a rule of each kind has beside its kind.
KINDS: Mapping[str, tuple[str, ...]] = {
    'threshold': ('above',),
    'values': ('values', 'classes'),
    'colours': ('colours', 'classes'),
    'nearest_colours': ('colours', 'classes'),
}
#: Pixels further than this from every colour must not form patches.
NEAR = 48
_SHOWN = 5
_REMEDY = 'Correct the mask, or let gps_seg look at the folder again'


def check_rule(rule: Any) -> None:
    """Refuse what is no rule.

    Args:
        rule: Rule of a config.

    Raises:
        ValueError: If its kind or a key is unknown or missing, or there is
            not one class for each value or colour.
    """
    kind = rule.get('kind') if isinstance(rule, Mapping) else None
    expected = {'kind', *KINDS.get(str(kind), ())}
    if kind not in KINDS or set(rule) != expected:
        kinds = '; '.join(f'{k}: {", ".join(v)}' for k, v in KINDS.items())
        raise ValueError(
            f'rule: expected a dict with a kind and its keys ({kinds}), got '
            f'{rule!r}.'
        )
    first, *rest = KINDS[kind]
    if rest and len(rule[first]) != len(rule['classes']):
        raise ValueError(
            f'rule: expected one class for each of {len(rule[first])} {first},'
            f' got {len(rule["classes"])}.'
        )


def apply_rule(
    rule: Rule, mask: StoredMask
) -> np.ndarray:  # shape: (height, width), uint8
    """The classes of a mask.

    Args:
        rule: Rule of the data set.
        mask: The mask as it is stored.

    Raises:
        PairError: If it holds something that the rule does not name.
    """
    kind = rule['kind']
    if kind in ('threshold', 'values'):
        stored = mask.pixels
        if stored.ndim == 3:
            raise PairError(f'expected grey or labels, got colours. {_REMEDY}')
        if kind == 'threshold' and stored.dtype == np.uint8:
            check_two_values(mid_grey_patches(stored))
    else:
        stored = mask.colours()
    kinds, inverse = _distinct(stored)
    classes = classes_of(rule, kinds)
    if (classes < 0).any():
        raise PairError(_unknown(rule, kinds[classes < 0]))
    if kind == 'nearest_colours':
        _check_near(rule, kinds, inverse)
    return classes.astype(np.uint8)[inverse]


def classes_of(
    rule: Rule, stored: np.ndarray
) -> np.ndarray:  # shape: (n,), int64
    """The class of each value, or colour as a number; -1 if there is none.

    Args:
        rule: Rule of the data set.
        stored: Distinct values or colours, shape (n,).
    """
    kind = rule['kind']
    if kind == 'threshold':
        return np.asarray(stored > rule['above']).astype(np.int64)
    classes = np.array(rule['classes'])
    if kind == 'nearest_colours':
        near = distances(stored, packed(rule['colours'])).argmin(1)
        return np.asarray(classes[near])
    known = rule['values'] if kind == 'values' else packed(rule['colours'])
    table = dict(zip(np.asarray(known).tolist(), classes, strict=True))
    return np.array([table.get(v, -1) for v in stored.tolist()], np.int64)


def _distinct(stored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values that occur, and the index of each pixel's value among them."""
    if stored.dtype == np.uint8:
        present = np.bincount(stored.ravel(), minlength=256) > 0
        index = np.cumsum(present) - 1
        return np.flatnonzero(present), index[stored]
    values, inverse = np.unique(stored, return_inverse=True)
    return values, inverse.reshape(stored.shape)


def _unknown(rule: Rule, unknown: np.ndarray) -> str:
    is_value = rule['kind'] == 'values'
    what = KINDS[rule['kind']][0]
    known = rule['values'] if is_value else packed(rule['colours']).tolist()
    show = str if is_value else hexadecimal
    shown = ', '.join(map(show, unknown[:_SHOWN].tolist()))
    legal = ', '.join(map(show, known[: 4 * _SHOWN]))
    more = ', ...' if len(known) > 4 * _SHOWN else ''
    return f'expected the {what} {legal}{more}, got {shown}. {_REMEDY}'


def _check_near(rule: Rule, kinds: np.ndarray, inverse: np.ndarray) -> None:
    """Refuse patches of a colour that is none of the data set's."""
    far = distances(kinds, packed(rule['colours'])).min(1) > NEAR
    share = share_in_patches(far[inverse])
    if share > MAX_MID_GREY_SHARE:
        most = np.bincount(inverse.ravel(), far[inverse].ravel()).argmax()
        raise PairError(
            f'expected noise around {len(rule["colours"])} colours, got '
            f'{share:.1%} of the pixels in patches of others, such as '
            f'{hexadecimal(kinds[most])}. {_REMEDY}'
        )
