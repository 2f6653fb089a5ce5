# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tune a plain torch model, without any framework."""

import warnings
from collections.abc import Callable, Generator, Iterable, Iterator

from torch import Tensor, nn

from gps_seg.peft.declared import release
from gps_seg.peft.method import PeftMethod
from gps_seg.peft.trainable import Trainable, weights_to_select
from gps_seg.sparse import Evidence, RunningSums, running_sums
from gps_seg.sparse.state import undisturbed


def tune(
    model: nn.Module,
    method: PeftMethod,
    losses: Iterable[Callable[[], Tensor]],
    seed: int,
) -> Trainable:
    """Select in a plain torch model and freeze what does not train.

    A parameter that does not require grad stays frozen, but for those that an
    earlier ``tune`` of the same model froze: that one is undone first.
    Backbones that freeze their first stages in ``train()``, as
    MMSegmentation's Swin does, must be in training mode already.

    Args:
        model: Left as it was but for ``requires_grad`` and gradients, which
            are dropped.
        method: Tuning method, such as ``GPS(k=1)``.
        losses: One function per batch of training data; each runs the model
            and gives the scalar loss. Called only if the method wants to see
            data.
        seed: Seed of methods that draw at random.

    Raises:
        TypeError: If a loss is no function.
        ValueError: If the method does not fit the model, or a loss is not
            finite.
    """
    release(model)
    roles = method.roles(model)
    weights = weights_to_select(model, roles)
    method.check(weights)
    for sentence in method.cautions(model):
        warnings.warn(sentence, stacklevel=2)

    def passes(evidence: Evidence) -> Generator[RunningSums, None, None]:
        parameters = {name: owned.parameter for name, owned in weights.items()}
        with undisturbed(model):
            yield from running_sums(parameters, _computed(losses), evidence)

    choice = method.choose(weights, passes, seed)
    return Trainable(model, roles, choice.selection, method.pull(model))


def _computed(losses: Iterable[Callable[[], Tensor]]) -> Iterator[Tensor]:
    """The loss of one batch after another."""
    for position, loss in enumerate(losses):
        if not callable(loss):
            raise TypeError(
                'losses: expected functions that compute a loss, got '
                f'{type(loss).__name__} (position {position}). Write lambda: '
                'loss_of(model, batch) in place of its result.'
            )
        yield loss()
