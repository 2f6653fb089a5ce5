# Copyright (c) gps_seg contributors. Apache-2.0.
"""Optim wrappers that let only the declared entries train.

They never see a dense weight of which only a part trains: the groups of the
optimizer, built by MMEngine before the selection is known, are re-targeted
from each such weight to the 1-D tensor of its selected values. Learning rate,
decay and multipliers stay with the group. Clipping, weight decay, momentum,
accumulation and gradient scaling then cannot reach a frozen entry.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext

import torch
from mmengine.device import is_cuda_available
from mmengine.dist import all_reduce_params, get_world_size
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn
from torch.amp import GradScaler

from gps_seg.sparse import Role, SelectedWeights


class TrainsSelected:
    """Mixin of an optim wrapper: train what :meth:`train_only` declares."""

    selected: SelectedWeights | None = None

    def train_only(
        self,
        model: nn.Module,
        roles: Mapping[str, Role],
        selected: SelectedWeights,
    ) -> None:
        """Re-target the optimizer to the declared entries; freeze the rest.

        Args:
            model: The model, not wrapped for distribution.
            roles: Role of every parameter of the model, by name.
            selected: The 1-D values of the parameters with role ``SELECTED``.

        Raises:
            RuntimeError: If the optimizer has already taken a step.
            ValueError: If it does not own a parameter that should train.
        """
        if self.optimizer.state:
            raise RuntimeError(
                'optimizer: expected no step before the selection, got state '
                f'for {len(self.optimizer.state)} parameters.'
            )
        trained = {}
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(roles[name] is not Role.FROZEN)
            if name in selected:
                trained[parameter] = selected[name].values
            elif roles[name] is Role.WHOLE:
                trained[parameter] = parameter
            else:
                parameter.requires_grad_(False)
        self._check_owned(model, trained)
        for group in self.optimizer.param_groups:
            group['params'] = [
                trained[parameter]
                for parameter in group['params']
                if parameter in trained
            ]
        self.selected = selected

    def _check_owned(
        self, model: nn.Module, trained: Mapping[nn.Parameter, nn.Parameter]
    ) -> None:
        owned = {
            parameter
            for group in self.optimizer.param_groups
            for parameter in group['params']
        }
        missing = [
            name
            for name, parameter in model.named_parameters()
            if parameter in trained and parameter not in owned
        ]
        if missing:
            raise ValueError(
                'optimizer: expected to own every parameter that trains, got '
                f'none of {missing[:5]} ({len(missing)} in all). Remove what '
                'excludes them from the optimizer (a constructor in '
                'optim_wrapper).'
            )

    def step(self, **kwargs) -> None:
        """Step the declared entries, then write them into the weights."""
        if self.selected is None:
            raise RuntimeError(
                f'{type(self).__name__}: expected a PeftHook to declare what '
                'trains, got none. Add it to custom_hooks: '
                "dict(type='PeftHook', method=dict(type='gps', k=1))."
            )
        self._average_gradients()
        super().step(**kwargs)
        self.selected.write()

    def _average_gradients(self) -> None:
        """Average the trained entries' gradients over the processes."""
        if get_world_size() == 1:
            return
        parameters = [
            parameter
            for group in self.optimizer.param_groups
            for parameter in group['params']
        ]
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        all_reduce_params([p.grad for p in parameters], op='mean')

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """As the base class, but DDP never reduces a dense gradient.

        The model was wrapped for DDP before the selection was known. Its own
        reduction stays off, and :meth:`step` averages the few gradients of
        the entries that train, once per update.
        """
        with getattr(model, 'no_sync', nullcontext)():
            with super().optim_context(model):
                yield


@OPTIM_WRAPPERS.register_module()
class PeftOptimWrapper(TrainsSelected, OptimWrapper):
    """``OptimWrapper`` for a run with a :class:`gps_seg.engine.PeftHook`."""


@OPTIM_WRAPPERS.register_module()
class AmpPeftOptimWrapper(TrainsSelected, AmpOptimWrapper):
    """``AmpOptimWrapper`` for a run with a :class:`gps_seg.engine.PeftHook`.

    Without an accelerator, where MMEngine's own wrapper refuses, the forward
    pass runs under bfloat16 autocast on the CPU and no loss is scaled.

    Args:
        loss_scale: As in ``AmpOptimWrapper``; not used on the CPU.
        dtype: ``'float16'`` or ``'bfloat16'``; default is the device's own.

    Raises:
        ValueError: If ``dtype`` is not bfloat16 on the CPU.
    """

    def __init__(
        self,
        loss_scale: str | float | dict = 'dynamic',
        dtype: str | torch.dtype | None = None,
        **kwargs,
    ) -> None:
        if is_cuda_available():
            super().__init__(loss_scale=loss_scale, dtype=dtype, **kwargs)
            return
        if dtype not in (None, 'bfloat16', torch.bfloat16):
            raise ValueError(
                f"dtype: expected 'bfloat16' on a CPU, got {dtype!r} "
                '(optim_wrapper). Remove the key to use the default.'
            )
        OptimWrapper.__init__(self, **kwargs)
        self.cast_dtype = torch.bfloat16
        self.loss_scaler = GradScaler('cpu', enabled=False)
        self._scale_update_param = None
