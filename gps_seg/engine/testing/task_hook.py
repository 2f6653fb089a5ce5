# Copyright (c) gps_seg contributors. Apache-2.0.
"""Load a delta, and the base that it belongs to, into a model."""

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import nn

from gps_seg.delta import Delta, apply
from gps_seg.engine.hub.task_files import Address, find_task
from gps_seg.engine.runner_model import bare_model, leave_out_averages
from gps_seg.engine.testing.task_model import build_base, take_classes
from gps_seg.engine.training.host_execution import HostExecution


def load_task(
    model: nn.Module,
    config: Address | Config | None,
    path: Address,
) -> None:
    """Load base weights and a delta into a model of ``mmseg.apis.init_model``.

    That function builds a model without its pretrained weights. They are
    loaded here, as the config says (``init_cfg``, ``load_from``). Classes and
    palette of the task become the model's ``dataset_meta``. Attention runs
    fused if the config's ``PeftHook`` has it.

    A config is Python code, and loading a task must not run code of its
    author: without a config of the user's own, the published one is read as
    data.

    Args:
        model: Model that was built from the config.
        config: Config of the model; None for the one that comes with the
            task, see :func:`~gps_seg.engine.hub.task_files.task_config`.
        path: Path of the delta, a folder of ``tools/share.py``, or
            ``hf://OWNER/NAME[@REVISION]``; see
            :func:`~gps_seg.engine.hub.task_files.find_task`.

    Raises:
        FileNotFoundError: If there is no such file, or no file with the
            pretrained weights of the base.
        ValueError: If the file is not a delta or is damaged, or the config
            leads to weights that are not its base.

    Example::

        model = init_model('config.py', device='cpu')  # of mmseg.apis
        load_task(model, 'config.py', 'delta.safetensors')
        result = inference_model(model, 'image.png')
    """
    files = find_task(path)
    delta = Delta.load(files.weights)
    if config is None:
        config = files.read_config()
    elif not isinstance(config, Config):
        config = Config.fromfile(config)
    _load(model, config, delta)
    take_classes(model, delta.info.to_json())
    HostExecution.of(config).begin(model)


def _load(model: nn.Module, config: Config, delta: Delta) -> None:
    base = build_base(config, delta.info.seed)
    model.load_state_dict(base.state_dict())
    apply(model, delta)


@HOOKS.register_module()
class TaskHook(Hook):
    """Load a delta into the runner's model before a test.

    The base is built from the config of the runner and the seed in the delta.
    An ``EMAHook`` of the config is removed, see :func:`leave_out_averages`.

    Args:
        path: Path of the delta.

    Example::

        custom_hooks = [dict(type='TaskHook', path='delta.safetensors')]
    """

    def __init__(self, path: str) -> None:
        self.delta = Delta.load(path)

    def before_run(self, runner: Runner) -> None:
        """Remove the hooks that average weights."""
        leave_out_averages(runner)

    def before_test(self, runner: Runner) -> None:
        """Load base and delta; they replace whatever was loaded before."""
        _load(bare_model(runner), runner.cfg, self.delta)
