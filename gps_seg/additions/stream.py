# Copyright (c) gps_seg contributors. Apache-2.0.
"""Take part in the residual stream of a block, before or after its MLP.

A block of a transformer computes ``x <- x + attention(norm(x))`` and then
``x <- x + mlp(norm(x))``; ``x`` is its residual stream. It is met where the
block hands it to a child, so the code of the block stays as it is:

- where the MLP adds the stream to its outputs itself (``identity`` of MMCV),
  the update goes into the stream that the MLP gets;
- otherwise the stream is the input of the norm before the MLP, and the update
  goes into the output of the block;
- a block without attention (ConvNeXt) has one branch, so its input is the
  stream.
"""

from collections.abc import Iterable
from typing import Any, TypedDict

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


class StreamSettings(TypedDict):
    """Where the stream is, see :class:`Stream`, as plain data."""

    norm: str | None
    mlp: str | None
    axis: int


class Stream:
    """The residual stream of a block.

    Args:
        host: The block.
        norm: Child before the MLP, whose input is the stream; None if there is
            none.
        mlp: Child that adds the stream to its outputs; None if there is none.
        axis: Axis of the channels: -1, or 1 for (B, C, H, W).
        update: Function of the stream, (..., C) -> (..., C).
    """

    def __init__(
        self,
        host: nn.Module,
        norm: str | None,
        mlp: str | None,
        axis: int,
        update: nn.Module,
    ) -> None:
        if axis not in (-1, 1):
            raise ValueError(f'axis: expected -1 or 1, got {axis}.')
        self._host = host
        self._norm = None if norm is None else host.get_submodule(norm)
        self._mlp = None if mlp is None else host.get_submodule(mlp)
        self._axis = axis
        self._update = update
        self._kept: Tensor | None = None

    def __getstate__(self) -> dict[str, Any]:
        # What is kept during a forward pass cannot be copied.
        return {**self.__dict__, '_kept': None}

    def beside_mlp(self) -> Iterable[RemovableHandle]:
        """``x <- x + mlp(norm(x)) + update(x)``."""
        if self._mlp is not None:
            yield _before(self._mlp, self._into_identity)
            return
        yield _before(self._norm or self._host, self._keep_update)
        yield self._host.register_forward_hook(self._add_kept)

    def before_mlp(self) -> Iterable[RemovableHandle]:
        """``x <- x + update(x)``, and then what the block does with it."""
        yield _before(self._norm or self._host, self._replace)
        if self._mlp is not None:
            yield _before(self._mlp, self._kept_as_identity)
        elif self._norm is not None:
            yield self._host.register_forward_hook(self._add_kept)

    def after_mlp(self) -> Iterable[RemovableHandle]:
        """``x <- x + update(x)`` behind the block."""
        yield self._host.register_forward_hook(self._into_output)

    def _updated(self, stream: Tensor) -> Tensor:
        inputs = stream.movedim(self._axis, -1)
        update: Tensor = self._update(inputs)
        return update.movedim(-1, self._axis).to(stream.dtype)

    def _into_identity(self, _mlp: nn.Module, args: Any, kwargs: Any) -> Any:
        stream = kwargs.get('identity')
        stream = args[0] if stream is None else stream
        return args, {**kwargs, 'identity': stream + self._updated(stream)}

    def _keep_update(self, _norm: nn.Module, args: Any, kwargs: Any) -> None:
        self._kept = self._updated(args[0])

    def _replace(self, _norm: nn.Module, args: Any, kwargs: Any) -> Any:
        stream, *others = args
        update = self._updated(stream)
        self._kept = update if self._mlp is None else stream + update
        return (stream + update, *others), kwargs

    def _kept_as_identity(self, _m: nn.Module, args: Any, kwargs: Any) -> Any:
        return args, {**kwargs, 'identity': self._pop()}

    def _add_kept(self, host: nn.Module, _args: Any, output: Any) -> Tensor:
        update = self._pop()
        _check_output(host, output)
        trains = any(p.requires_grad for p in self._update.parameters())
        if torch.is_grad_enabled() and trains and not update.requires_grad:
            raise RuntimeError(
                f'additions: expected {type(host).__name__} to keep what its '
                'backward pass needs, got one that recomputes a part of '
                'itself. Switch its checkpointing off '
                "(with_cp, recompute='blocks')."
            )
        changed: Tensor = output + update.view_as(output)
        return changed

    def _into_output(self, host: nn.Module, _args: Any, output: Any) -> Tensor:
        _check_output(host, output)
        changed: Tensor = output + self._updated(output)
        return changed

    def _pop(self) -> Tensor:
        kept, self._kept = self._kept, None
        if kept is None:
            raise RuntimeError(
                'additions: expected a block that normalises the stream '
                'before its MLP, got one whose norm was not called.'
            )
        return kept


def _before(module: nn.Module, hook: Any) -> RemovableHandle:
    return module.register_forward_pre_hook(hook, with_kwargs=True)


def _check_output(host: nn.Module, output: Any) -> None:
    if not isinstance(output, Tensor):
        raise RuntimeError(
            'additions: expected a block that returns its residual stream, '
            f'got {type(host).__name__}, which returns '
            f'{type(output).__name__}.'
        )
