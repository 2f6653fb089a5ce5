# Copyright (c) gps_seg contributors. Apache-2.0.
"""The pass over the training data that scores the connections."""

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from gps_seg.engine.selecting.head_warmup import warmed_up
from gps_seg.engine.selecting.losses import SelectionLoss, TaskLoss
from gps_seg.engine.selecting.pass_log import announce_batch, announce_pass
from gps_seg.engine.selecting.pass_precision import pass_autocast
from gps_seg.engine.selecting.scoring_data import (
    scoring_loader,
    with_pipeline,
)
from gps_seg.execution import recompute_blocks
from gps_seg.sparse import Evidence, RunningSums, running_sums
from gps_seg.sparse.checks import check_flag, check_whole
from gps_seg.sparse.scoring.place_of_sums import device_for_sums
from gps_seg.sparse.state import seed_all, undisturbed
from gps_seg.text.clock import Clock

TASK_LOSS = TaskLoss()


@dataclass(frozen=True, kw_only=True)
class ScoringPass:
    """Settings of the pass over the training data.

    Args:
        loss: Loss whose gradients are summed.
        max_batches: Largest number of batches per process; None for one
            epoch.
        batch_size: Images per batch; None for that of the training.
        pipeline: Transforms of the images; None for those of the training.
        checkpointing: Whether the encoder's blocks keep only their inputs for
            the backward pass, which runs them again.

    Raises:
        TypeError: If a number is not an integer.
        ValueError: If a number is below 1.
    """

    loss: SelectionLoss = TASK_LOSS
    max_batches: int | None = None
    batch_size: int | None = None
    pipeline: Sequence[Mapping[str, Any]] | None = None
    checkpointing: bool = True

    def __post_init__(self) -> None:
        check_flag('checkpointing', self.checkpointing)
        for name in ('max_batches', 'batch_size'):
            value = getattr(self, name)
            if value is not None:
                check_whole(name, value, least=1)

    @property
    def given(self) -> frozenset[str]:
        """Names of the settings that differ from their defaults."""
        return frozenset(
            field.name
            for field in fields(self)
            if getattr(self, field.name) != field.default
        )

    def upto(self, most: int | None) -> 'ScoringPass':
        """This pass with no more than ``most`` batches per process."""
        limits = [n for n in (most, self.max_batches) if n is not None]
        return replace(self, max_batches=min(limits, default=None))

    def run(
        self,
        model: nn.Module,
        encoder: str,
        weights: Mapping[str, nn.Parameter],
        loader: DataLoader,
        optimizer: Optimizer,
        seed: int,
        evidence: Evidence,
        *,
        doublings: bool = False,
        dtype: torch.dtype = torch.float32,
        whole: Collection[str] = frozenset(),
    ) -> Generator[RunningSums, None, None]:
        """Yield the sums at the end, and each time the batches have doubled.

        The model runs in training mode, as it will when it trains, and is
        restored afterwards (see :func:`gps_seg.sparse.undisturbed`). If there
        are several processes, each sees its share of the data, and the sums
        are added up.

        Args:
            model: MMEngine model, not wrapped for distribution.
            encoder: Name of its pretrained submodule.
            weights: Weights to score, by name.
            loader: The training loader; its data set, batch size and workers
                are used, its sampler is not.
            optimizer: Optimizer of the run, for the learning rates of a
                warm-up.
            seed: Seed of the order, the augmentation and the dropout.
            evidence: Quantities to sum.
            doublings: Whether to yield after 1, 2, 4, 8, ... batches, too.
            dtype: Type of the autocast; float32 for none. The warm-up of
                what is new runs in float32.
            whole: Names of all parameters that train whole, for a warm-up of
                them.

        Raises:
            torch.OutOfMemoryError: If a batch is too large for the device.
            ValueError: If the loader cannot be used, see
                :func:`gps_seg.engine.selecting.scoring_data.scoring_loader`.
        """
        warmup = scoring_loader(loader, seed + 1)
        views = self._views(loader, seed)
        device = device_for_sums(weights, evidence)
        size = self.batch_size or loader.batch_size
        number = len(views[0].batch_sampler.weights[: self.max_batches])
        num_bytes = evidence.sum_bytes(weights)
        announce_pass(number, size, dtype, num_bytes, device)
        with (
            _explaining_memory(size),
            undisturbed(model),
            torch.enable_grad(),
        ):
            seed_all(seed)
            model.train()
            with warmed_up(
                model,
                encoder,
                self.loss.warmup,
                warmup,
                optimizer,
                scored=set(weights.values()),
                whole=whole if self.loss.warm == 'whole' else None,
                dtype=dtype,
            ):
                model.requires_grad_(False)
                for weight in weights.values():
                    weight.requires_grad_(True)
                with self._checkpointed(model, encoder, evidence):
                    yield from running_sums(
                        weights,
                        self._losses(model, encoder, views, dtype),
                        evidence,
                        doublings=doublings,
                        reduce=all_reduce,
                        device=device,
                    )

    def _views(self, loader: DataLoader, seed: int) -> list[DataLoader]:
        """A loader of each view that the loss takes, all equally long."""
        if self.pipeline is not None:
            loader = with_pipeline(loader, self.pipeline)
        return [
            scoring_loader(loader, seed, self.batch_size, view)
            for view in range(self.loss.views)
        ]

    @contextmanager
    def _checkpointed(
        self, model: nn.Module, encoder: str, evidence: Evidence
    ) -> Iterator[None]:
        if not (self.checkpointing and evidence.needs_gradient):
            yield
            return
        recomputed = recompute_blocks(model, encoder)
        try:
            yield
        finally:
            recomputed.remove()

    def _losses(
        self,
        model: nn.Module,
        encoder: str,
        views: Sequence[DataLoader],
        dtype: torch.dtype,
    ) -> Iterator[Tensor]:
        """Yield the loss of each batch and log the progress."""
        weights = views[0].batch_sampler.weights[: self.max_batches]
        number = len(weights)
        clock = Clock(number)
        # All views are equally long; `weights` may be shorter.
        together = zip(weights, *views, strict=False)
        for done, (weight, *batches) in enumerate(together, start=1):
            if weight:
                with pass_autocast(model, dtype):
                    loss = self.loss.of(model, encoder, batches)
            else:  # this process has no image of its own left
                loss = torch.zeros((), requires_grad=True)
            yield loss * weight
            if clock.is_due(done) or done in (1, number):
                left = clock.left(done)
                announce_batch(done, number, loss.item(), left)


@contextmanager
def _explaining_memory(batch_size: int) -> Iterator[None]:
    """Name the setting that helps if the device runs out of memory."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise torch.OutOfMemoryError(
            f'PeftHook: expected memory to score batches of {batch_size} '
            f'images, got: {error} Without checkpointing of the PeftHook, or '
            'where no blocks of the encoder are known, this pass keeps more '
            'activations than the training of few entries. Choose a smaller '
            'batch_size of the PeftHook (--peft-options batch_size=...); that '
            'of the training need not change.'
        ) from error
