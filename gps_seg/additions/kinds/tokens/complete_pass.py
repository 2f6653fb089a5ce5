# Copyright (c) gps_seg contributors. Apache-2.0.
"""A second pass in training, in which no token skips (DyT).

Zhao et al., NeurIPS 2024; see
:mod:`gps_seg.additions.kinds.tokens.token_selection`. The losses of the second
pass join those of the first one, and ``KL(p || q)`` between the class
probabilities ``p`` of the first and ``q`` of the second, where ``q`` has no
gradient.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from gps_seg.additions.addition import Addition
from gps_seg.additions.kinds.tokens.token_selection import TokenSelection


class CompletePass(Addition):
    """Add the losses of a second pass to those of the whole model, its host.

    It does so in training, if the model is called with ``mode='loss'``, as
    MMEngine's are.

    Args:
        classifier: Name of the layer whose outputs are the logits.
    """

    def __init__(self, classifier: str) -> None:
        super().__init__()
        self.classifier = classifier
        self._logits: list[Tensor] | None = None

    def __getstate__(self) -> dict[str, Any]:
        # What is kept of a forward pass cannot be copied.
        return {**self.__dict__, '_logits': None}

    def hang(self, host: nn.Module) -> list[RemovableHandle]:
        """Listen to the classifier, and run the second pass."""
        if self.classifier not in dict(host.named_modules()):
            raise ValueError(
                f'classifier: expected a model with {self.classifier}, got '
                f'{type(host).__name__} without. The plan is for another '
                'architecture.'
            )
        classifier = host.get_submodule(self.classifier)
        return [
            classifier.register_forward_hook(self._keep_logits),
            host.register_forward_pre_hook(self._begin, with_kwargs=True),
            host.register_forward_hook(self._add_losses, with_kwargs=True),
        ]

    def merged(self, host: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Nothing changes: there is no second pass after the training."""
        return {}

    def _begin(self, _host: nn.Module, _args: Any, kwargs: Any) -> None:
        has_losses = self.training and kwargs.get('mode') == 'loss'
        self._logits = [] if has_losses else None

    def _keep_logits(self, _m: nn.Module, _args: Any, output: Tensor) -> None:
        if self._logits is not None:
            self._logits.append(output)

    def _add_losses(
        self,
        host: nn.Module,
        args: Any,
        kwargs: Any,
        losses: Mapping[str, Any],
    ) -> dict[str, Any] | None:
        if self._logits is None:
            return None
        with _all_tokens(host):
            # Not a call: that would run these hooks again.
            complete = host.forward(*args, **kwargs)
        logits, self._logits = self._logits, None
        if len(logits) != 2:
            raise RuntimeError(
                'additions: expected one call of the classifier in a forward '
                f'pass ({self.classifier}), got {len(logits)} in two passes. '
                'Tune with complete=False.'
            )
        second = {f'complete.{n}': value for n, value in complete.items()}
        return {**losses, **second, 'complete.loss_kl': _divergence(*logits)}


def _divergence(
    dynamic: Tensor,  # shape: (batch, classes, ...)
    complete: Tensor,  # shape: (batch, classes, ...)
) -> Tensor:
    """Kullback-Leibler divergence, averaged over images and pixels.

    A single class is that of a binary decision.
    """
    log_p, log_q = (
        _two_classes(one.float()).log_softmax(dim=1)
        for one in (dynamic, complete.detach())
    )
    terms: Tensor = log_p.exp() * (log_p - log_q)
    return terms.sum(dim=1).mean()


def _two_classes(logits: Tensor) -> Tensor:
    if logits.shape[1] > 1:
        return logits
    return torch.cat([torch.zeros_like(logits), logits], dim=1)


@contextmanager
def _all_tokens(model: nn.Module) -> Iterator[None]:
    """A context in which no token of the model skips."""
    with ExitStack() as stack:
        for module in model.modules():
            if isinstance(module, TokenSelection):
                stack.enter_context(module.paused())
        yield
