# Copyright (c) gps_seg contributors. Apache-2.0.
"""Complete any config of OpenMMLab so that it trains with a ``PeftHook``.

The option ``--method`` and the base ``gps_seg::_base_/gps.py`` both use this
module. The result is like a config written by hand, and every tool can run it.
"""

from mmengine.config import Config, ConfigDict

from gps_seg.engine.metric_names import check_save_best
from gps_seg.engine.plug_in.delta_checkpoints import write_deltas
from gps_seg.engine.training.hook_settings import peft_hook
from gps_seg.engine.training.wrapper_types import use_peft_wrapper

MODULE = 'gps_seg.engine'


def plug_in(config: Config) -> None:
    """Add everything that the ``PeftHook`` of a config needs.

    This is the optim wrapper that trains the selected entries, the import of
    this package, and deltas in place of full checkpoints. All other settings
    are kept.

    Args:
        config: Config of a run; changed in place.

    Raises:
        ValueError: If the config does not have exactly one ``PeftHook``, or
            has its own runner, an optim wrapper without a counterpart here,
            or a ``save_best`` that names no metric. The message names the
            key.
    """
    peft_hook(config)
    if 'runner_type' in config:
        raise ValueError(
            'runner_type: expected none beside a PeftHook, got '
            f'{config.runner_type!r}. The hook relies on the order of events '
            "in MMEngine's Runner."
        )
    use_peft_wrapper(config)
    check_save_best(config)
    write_deltas(config)
    _import_package(config)


def _import_package(config: Config) -> None:
    """Import gps_seg from the config, so that any tool can run it again."""
    settings = config.get('custom_imports') or ConfigDict(imports=[])
    modules = settings.imports
    modules = [modules] if isinstance(modules, str) else list(modules)
    if MODULE not in modules:
        modules.append(MODULE)
    config.custom_imports = ConfigDict({**settings, 'imports': modules})
