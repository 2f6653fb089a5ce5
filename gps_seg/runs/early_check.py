# Copyright (c) gps_seg contributors. Apache-2.0.
"""Check that a run can begin, before a data set is opened.

MMEngine builds the data sets before it calls the first hook. A wrong config
should be reported without the minutes that listing a large data set takes,
and even if the data set is not there yet.
"""

from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from gps_seg.engine.metric_names import check_save_best
from gps_seg.engine.training.peft_hook import peft_hooks_of
from gps_seg.engine.training.wrapper_types import (
    trains_selected,
    type_name,
    wrong_wrapper,
)
from gps_seg.runs.method_options import check_hooks


def check_config(config: Config) -> None:
    """Check the hooks of this package before a runner builds them.

    Raises:
        ValueError: If the config has no model, a hook has an unknown setting
            or a wrong value, ``save_best`` names an unknown metric, or the
            training has no step. The message names the key.
    """
    if not config.get('model'):
        raise ValueError(
            'model: expected the settings of a model in the config, got none '
            f'({config.filename}). Is it a base of other configs?'
        )
    check_hooks(config)
    check_save_best(config)
    _check_length(config)


def _check_length(config: Config) -> None:
    """Raise ValueError if the training has no step; it would still select."""
    for key in ('max_iters', 'max_epochs'):
        length = (config.get('train_cfg') or {}).get(key, 1)
        if length is not None and length < 1:
            raise ValueError(
                f'train_cfg.{key}: expected 1 or more, got {length}.'
            )


def check_before_data(runner: Any) -> None:
    """Check the ``PeftHook`` of a runner; warn about ignored settings.

    The optim wrapper is built, which the runner would do a little later.
    Without a ``PeftHook`` only the type of the optim wrapper is checked.

    Args:
        runner: New runner, of MMEngine's class or another.

    Raises:
        FileNotFoundError: If the file to start from does not exist.
        ValueError: If method, model, optim wrapper or the file to start from
            do not fit each other, or there is more than one ``PeftHook``.
    """
    hooks = peft_hooks_of(runner)
    if runner.optim_wrapper is None:
        return  # a test
    if not isinstance(runner, Runner):
        if hooks:
            raise ValueError(
                'runner_type: expected none, or PeftRunner, beside a '
                f'PeftHook, got {type(runner).__name__}. The hook relies on '
                "the order of events in MMEngine's Runner."
            )
        return
    if not hooks:
        _check_plain(runner)
        return
    if isinstance(runner.optim_wrapper, dict):
        if not trains_selected(runner.optim_wrapper):
            raise wrong_wrapper(
                type_name(runner.optim_wrapper, 'OptimWrapper')
            )
        runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    hooks[0].check(runner)


def _check_plain(runner: Runner) -> None:
    """Raise ValueError if the optim wrapper needs a missing ``PeftHook``."""
    settings = runner.optim_wrapper
    if isinstance(settings, dict) and trains_selected(settings):
        raise ValueError(
            'custom_hooks: expected a PeftHook beside optim_wrapper.type='
            f"{type_name(settings)}, got none. Add dict(type='PeftHook', "
            "method=dict(type='gps', k=1)); the list of a config replaces "
            'that of its bases.'
        )
