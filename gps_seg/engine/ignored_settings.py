# Copyright (c) gps_seg contributors. Apache-2.0.
"""Settings of a config that have no effect when a method tunes the model."""

from collections.abc import Iterator, Mapping

from mmengine.config import Config
from mmengine.device import is_cuda_available

from gps_seg.engine.wrapper_types import type_name
from gps_seg.sparse import Role


def ignored_settings(
    config: Config, roles: Mapping[str, Role]
) -> Iterator[str]:
    """Tell what is ignored, a sentence for each key.

    Args:
        config: Of the run.
        roles: Role of every parameter, by name.
    """
    wrapper = config.get('optim_wrapper') or {}
    custom_keys = (wrapper.get('paramwise_cfg') or {}).get('custom_keys') or {}
    trained = [name for name, role in roles.items() if role is not Role.FROZEN]
    idle = idle_custom_keys(custom_keys, trained)
    if idle:
        yield (
            'optim_wrapper.paramwise_cfg.custom_keys: no parameter that '
            f'trains goes by {", ".join(idle)}: ignored.'
        )
    on_cpu = not is_cuda_available()
    amp = type_name(wrapper) == 'AmpPeftOptimWrapper'
    if on_cpu and amp and 'loss_scale' in wrapper:
        yield (
            'optim_wrapper.loss_scale: bfloat16 on a CPU needs no scaling: '
            'ignored.'
        )
    if config.get('find_unused_parameters') and (
        config.get('launcher', 'none') != 'none'
    ):
        yield (
            'find_unused_parameters: the optim wrapper averages what trains '
            'by itself, used or not: ignored.'
        )


def idle_custom_keys(
    custom_keys: Mapping[str, object], names: list[str]
) -> list[str]:
    """The keys by which no parameter among ``names`` gets its settings.

    Of the keys that a name contains MMEngine takes the longest.
    """
    by_length = sorted(sorted(custom_keys), key=len, reverse=True)
    effective = {
        next((key for key in by_length if key in name), None) for name in names
    }
    return [key for key in custom_keys if key not in effective]
