# Copyright (c) gps_seg contributors. Apache-2.0.
"""A training loop that takes a few steps and measures them.

It stands in the place of a run's own training loop, so that model, data,
optimizer, precision and method are those of the run.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain, islice, repeat
from pathlib import Path
from statistics import median
from typing import Any

import torch
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.registry import LOOPS
from mmengine.runner import BaseLoop, Runner
from torch import Tensor
from torch.utils.data import DataLoader

from gps_seg.additions import merge, plan_of
from gps_seg.benchmark.counters import saved_bytes
from gps_seg.benchmark.memory import watch_peak
from gps_seg.benchmark.tasks.training import load_what_loads_late, seconds_of
from gps_seg.engine.runner_model import bare_model
from gps_seg.engine.training.host_execution import compile_options
from gps_seg.engine.training.peft_hook import peft_hooks_of
from gps_seg.runs.comparing.costs.testing import (
    flops_of_image,
    seconds_per_image,
)

#: Steps before the timed ones: the first makes the optimizer's state.
WARMUP = 2


@LOOPS.register_module()
class MeasuringLoop(BaseLoop):
    """Select as the run would, take some steps, and test some images.

    Args:
        runner: Runner of the training.
        dataloader: Training loader, or its settings.
        steps: Number of timed steps, and of timed test batches.
        keep: Checkpoint to write once the method has selected; None to write
            none.

    Attributes:
        costs: Measurements, once the loop has run.
    """

    max_epochs = 1

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict[str, Any],
        steps: int,
        keep: str | None = None,
    ) -> None:
        super().__init__(runner, dataloader)
        self.steps = steps
        self.keep = None if keep is None else Path(keep)
        self.costs: dict[str, Any] = {}
        self._iter = self._epoch = 0  # a resumed runner sets both

    @property
    def max_iters(self) -> int:
        """Number of training steps."""
        return WARMUP + self.steps

    @property
    def iter(self) -> int:
        """Number of steps before this loop."""
        return self._iter

    @property
    def epoch(self) -> int:
        """Number of epochs before this loop."""
        return self._epoch

    def run(self) -> None:
        """Measure selection, training steps, and tests, in this order."""
        runner = self.runner
        runner.call_hook('before_train')
        (hook,) = peft_hooks_of(runner)
        self.costs['pass_seconds'] = hook.seconds_to_choose
        if self.keep is not None:
            runner.save_checkpoint(str(self.keep.parent), self.keep.name)
        self.costs |= self._training()
        runner.call_hook('after_train')
        self.costs |= self._testing()

    def _training(self) -> dict[str, Any]:
        """Time and memory of steps on images of the training loader."""
        runner = self.runner
        device = next(runner.model.parameters()).device
        load_what_loads_late(device)
        first, *batches = first_batches(self.dataloader, 1 + self.max_iters)
        runner.model.train()
        peak = watch_peak(device)
        seconds = [seconds_of(self._step(batch)) for batch in batches]
        result = {
            'step_seconds': median(seconds[WARMUP:]),
            'peak_bytes': peak.read(),
        }
        saved, size = self._saved(first)
        return result | {
            'saved_bytes': saved,
            'size': size,
            'batch': self.dataloader.batch_size,
            'precision': precision_of(runner.optim_wrapper, device),
            'threads': torch.get_num_threads(),
        }

    def _step(self, batch: Any) -> Callable[[], object]:
        """One step of the run, as MMEngine's own loops take it."""
        model, wrapper = self.runner.model, self.runner.optim_wrapper
        return lambda: model.train_step(batch, optim_wrapper=wrapper)

    def _saved(self, batch: Any) -> tuple[int | None, list[int]]:
        """Bytes kept for the backward pass, and height and width in pixels.

        The bytes are None for a compiled model, which the counter cannot see
        into.
        """
        runner = self.runner
        model = bare_model(runner)
        with runner.optim_wrapper.optim_context(model):
            data = model.data_preprocessor(batch, True)

            def forward() -> Tensor:
                losses = model._run_forward(data, mode='loss')
                return model.parse_losses(losses)[0]

            compiled = compile_options(runner.cfg) is not None
            saved = None if compiled else saved_bytes(forward)
        return saved, list(data['inputs'].shape[-2:])

    def _testing(self) -> dict[str, Any]:
        """Cost of the trained model, with what merges folded in."""
        model = bare_model(self.runner)
        # A config of a classifier may have no validation.
        loop = self.runner.val_loop or self.runner.test_loop
        with suppress(ValueError):  # what cannot be merged stays
            merge(model)
        batches = first_batches(loop.dataloader, 1 + self.steps)
        device = next(model.parameters()).device
        # Even without gradients a view of a trained value asks for one, and
        # has none: the counter of operations breaks off there.
        model.eval().requires_grad_(False)
        with (
            torch.no_grad(),
            torch.autocast(device.type, enabled=getattr(loop, 'fp16', False)),
        ):
            return {
                'plain_at_test': not plan_of(model),
                'test_flops': flops_of_image(model, batches[0]),
                'test_seconds': seconds_per_image(model, batches),
            }


def first_batches(loader: DataLoader, number: int) -> list[Any]:
    """The first batches of a loader, which begins again at its end.

    None of them is shared: a model may change its batch.
    """
    batches: Iterator[Any] = chain.from_iterable(repeat(loader))
    return list(islice(batches, number))


def precision_of(wrapper: OptimWrapper, device: torch.device) -> str:
    """Type of the matrix products of a training, such as ``'bfloat16'``."""
    if not isinstance(wrapper, AmpOptimWrapper):
        return 'float32'
    dtype = wrapper.cast_dtype or torch.get_autocast_dtype(device.type)
    return str(dtype).removeprefix('torch.')
