# Copyright (c) gps_seg contributors. Apache-2.0.
"""The learning rates that a config names for its variants."""

import math

from mmengine.config import Config

from gps_seg.peft import METHODS
from gps_seg.peft.settings import did_you_mean
from gps_seg.runs.comparing.variants import RATES, VARIANTS


def known_rates(config: Config) -> dict[str, float]:
    """The multipliers that a config names, such as those tuned before.

    Args:
        config: Config that may have ``rates = {variant: multiplier}``.

    Raises:
        ValueError: If they are not numbers above 0, or a name is that of no
            variant and no method, or of a variant with rates of its own.
    """
    rates = config.get(RATES) or {}
    if not isinstance(rates, dict) or not all(map(_is_rate, rates.values())):
        raise ValueError(
            f'{RATES}: expected {{variant: multiplier above 0}}, got '
            f'{rates!r} ({config.filename}). Correct or remove the key.'
        )
    variants = config.get(VARIANTS) or {}
    for name in rates:
        _check_name(name, variants)
    return dict(rates)


def _is_rate(value: object) -> bool:
    return type(value) in (int, float) and 0 < value < math.inf


def _check_name(name: str, variants: dict[str, dict[str, object]]) -> None:
    known = [*variants, *METHODS]
    if name not in known:
        raise ValueError(
            f'{RATES}: expected variants of the config ({list(variants)}) or '
            f'methods, got {name!r}.' + did_you_mean(name, known)
        )
    own = [key for key in variants.get(name, ()) if 'optim_wrapper' in key]
    if own:  # the two would be multiplied
        raise ValueError(
            f'{RATES}: expected variants without rates of their own, got '
            f'{name!r}, which sets {own[0]}. Remove one of them.'
        )
