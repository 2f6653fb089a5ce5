# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tune a plain torch model without a framework."""

import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from itertools import islice

from torch import Tensor, nn

from gps_seg.additions import attach, attached
from gps_seg.peft.declared import release
from gps_seg.peft.method import Choice, PeftMethod
from gps_seg.peft.trainable import Trainable
from gps_seg.sparse import Evidence, Role, RunningSums, running_sums
from gps_seg.sparse.scoring.place_of_sums import device_for_sums
from gps_seg.sparse.state import undisturbed


def tune(
    model: nn.Module,
    method: PeftMethod,
    losses: Iterable[Callable[[], Tensor]],
    seed: int,
) -> Trainable:
    """Select in a plain torch model and freeze what does not train.

    A parameter that does not require grad stays frozen, unless an earlier
    ``tune`` of the same model froze it; that is undone first. A backbone that
    freezes its first stages in ``train()``, such as MMSegmentation's Swin,
    must be in training mode.

    Args:
        model: Model to tune. Gradients are dropped, ``requires_grad``
            changes, and the modules of methods that add some are attached.
        method: Tuning method, such as ``GPS(k=1)``.
        losses: Functions, one per batch of training data; each runs the model
            and returns the scalar loss. They are called only if the method
            needs data.
        seed: Seed of methods that select at random.

    Returns:
        The parameters that train; give its ``parameters()`` to an optimizer.

    Raises:
        RuntimeError: If the model has modules that an earlier method added.
        TypeError: If a loss is not a function.
        ValueError: If the method does not fit the model, or a loss is not
            finite.

    Example:
        >>> import torch
        >>> from gps_seg.peft import GPS
        >>> model = nn.ModuleDict(
        ...     {'backbone': nn.Linear(16, 8), 'head': nn.Linear(8, 2)}
        ... )
        >>> x = torch.randn(4, 16)
        >>> loss = lambda: model['head'](model['backbone'](x)).square().mean()
        >>> tuned = tune(model, GPS(k=1), losses=[loss], seed=0)
        >>> tuned
        Trainable(34 values: 8 selected entries, 26 in whole tensors)
    """
    release(model)
    roles = method.roles(model)
    method.additions(model, None)  # raises unless the settings fit
    for sentence in method.cautions(model):
        warnings.warn(sentence, stacklevel=2)
    with attached(model, method.provisional(model), seed):
        choice = _chosen(model, method, roles, losses, seed)
    attach(model, method.additions(model, choice), seed)
    pull = method.pull(model)
    return Trainable(model, roles, choice.selection, pull, choice.steps)


def _chosen(
    model: nn.Module,
    method: PeftMethod,
    roles: Mapping[str, Role],
    losses: Iterable[Callable[[], Tensor]],
    seed: int,
) -> Choice:
    """Let the method choose by the losses."""
    weights = method.scored(model, roles)
    method.check(weights)

    def passes(
        evidence: Evidence, *, most: int | None = None, doublings: bool = False
    ) -> Generator[RunningSums, None, None]:
        parameters = {name: owned.parameter for name, owned in weights.items()}
        with undisturbed(model):
            for parameter in parameters.values():
                parameter.requires_grad_(True)
            yield from running_sums(
                parameters,
                islice(_computed(losses), most),
                evidence,
                doublings=doublings,
                device=device_for_sums(parameters, evidence),
            )

    return method.choose(model, weights, passes, seed)


def _computed(losses: Iterable[Callable[[], Tensor]]) -> Iterator[Tensor]:
    """Compute the losses, one batch after another."""
    for position, loss in enumerate(losses):
        if not callable(loss):
            raise TypeError(
                'losses: expected functions that compute a loss, got '
                f'{type(loss).__name__} (position {position}). Write lambda: '
                'loss_of(model, batch) instead of its result.'
            )
        yield loss()
