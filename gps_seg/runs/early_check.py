# Copyright (c) gps_seg contributors. Apache-2.0.
"""Check that a run can begin, before a data set is opened.

MMEngine builds the data sets before it calls the first hook. An impossible
config should not cost the minutes that listing a large data set takes, nor
hide behind an archive that is not there yet.
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
        ValueError: If the config has no model, a hook has a setting that does
            not exist or is not legal, or ``save_best`` names a metric that
            does not exist; the key is named.
    """
    if not config.get('model'):
        raise ValueError(
            'model: expected the settings of a model in the config, got none '
            f'({config.filename}). Is it one of the files that others build '
            'on (_base_)?'
        )
    check_hooks(config)
    check_save_best(config)


def check_before_data(runner: Any) -> None:
    """Check what the runner's ``PeftHook`` needs; warn of ignored settings.

    Does nothing for a runner without one. The optim wrapper is built, as the
    runner would a little later.

    Args:
        runner: Runner as it was built, of MMEngine's class or another.

    Raises:
        FileNotFoundError: If the file to start from is not there.
        ValueError: If method, model, optim wrapper or the file to start from
            do not fit one another, or there is more than one ``PeftHook``.
    """
    hooks = peft_hooks_of(runner)
    if runner.optim_wrapper is None:
        return  # a test
    if not isinstance(runner, Runner):
        if hooks:
            raise ValueError(
                'runner_type: expected none, or PeftRunner, beside a '
                f'PeftHook, got {type(runner).__name__}, whose order of '
                "events is not that of MMEngine's Runner."
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
    """Raise ValueError if the wrapper waits for a hook that is not there."""
    settings = runner.optim_wrapper
    if isinstance(settings, dict) and trains_selected(settings):
        raise ValueError(
            'custom_hooks: expected a PeftHook beside optim_wrapper.type='
            f"{type_name(settings)}, got none. Add dict(type='PeftHook', "
            "method=dict(type='gps', k=1)); the list of a config replaces "
            'that of its bases.'
        )
