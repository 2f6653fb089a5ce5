# Copyright (c) gps_seg contributors. Apache-2.0.
"""Optim wrappers that train only the declared entries.

If only some entries of a weight train, the optimizer does not hold the weight
but a 1-D tensor of its selected values. MMEngine builds the optimizer before
the selection is known, so the tensors in its parameter groups are replaced
afterwards. Learning rate, decay and multipliers stay with the group. Clipping,
weight decay, momentum, accumulation and gradient scaling cannot reach a frozen
entry.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch import Tensor, nn
from torch.amp import GradScaler

from gps_seg.engine.gradient_average import average_gradients
from gps_seg.engine.training.accelerator import has_accelerator
from gps_seg.engine.training.optimizer_targets import (
    check_keeps_no_other_list,
    hand_over,
    prefer_fused,
    retarget,
)
from gps_seg.peft import Trainable, owned_by


class TrainsSelected:
    """Mixin of an optim wrapper that trains only what has been declared.

    :meth:`train_only` declares it.
    """

    trainable: Trainable | None = None

    def train_only(self, trainable: Trainable) -> None:
        """Replace the optimizer's tensors by those that train.

        Args:
            trainable: Parameters and entries that train. Later calls must
                declare the same selection; the optimizer keeps its state.

        Raises:
            RuntimeError: If the optimizer took a step before the first call.
            ValueError: If it lacks a parameter that should train, or keeps
                parameters outside of its groups.
        """
        held = {} if self.trainable is None else self.trainable.form
        form = {held.get(p, p): t for p, t in trainable.form.items()}
        owned = owned_by(self.optimizer)
        # What was added joins the group of a parameter of the plain model.
        plain = {} if self.trainable is not None else trainable.beside
        missing = [
            name
            for parameter, name in trainable.names.items()
            if held.get(parameter, plain.get(parameter, parameter))
            not in owned
        ]
        if missing:
            raise ValueError(
                'optimizer: expected to own every parameter that trains, got '
                f'none of {missing[:5]} ({len(missing)} in all). Remove what '
                'excludes them from the optimizer (a constructor in '
                'optim_wrapper).'
            )
        if self.trainable is None:
            check_keeps_no_other_list(self.optimizer)
            retarget(self.optimizer, form, trainable.beside)
            prefer_fused(self.optimizer)
        else:
            hand_over(self.optimizer, form)
        self.trainable = trainable

    def update_params(self, loss: Tensor, *args, **kwargs) -> None:
        """Add the penalty of the method to the loss, then update."""
        penalty = None if self.trainable is None else self.trainable.penalty()
        if penalty is not None:
            loss = loss + penalty
        super().update_params(loss, *args, **kwargs)

    def step(self, **kwargs) -> None:
        """Step the declared entries, then write them into the weights."""
        if self.trainable is None:
            raise RuntimeError(
                f'{type(self).__name__}: expected a PeftHook to declare what '
                'trains, got none. Add it to custom_hooks: '
                "dict(type='PeftHook', method=dict(type='gps', k=1))."
            )
        super().step(**kwargs)
        self.trainable.write()

    def load_state_dict(self, state_dict: dict) -> None:
        """Load as the base class.

        Raises:
            ValueError: If the state is of an optimizer with other groups.
        """
        got = len(state_dict['param_groups'])
        expected = len(self.optimizer.param_groups)
        if got != expected:
            raise ValueError(
                f'resume: expected an optimizer with {expected} group(s) of '
                f'parameters, got {got} in the checkpoint. Their rates differ '
                '(optim_wrapper.paramwise_cfg): resume with the config that '
                'the run began with, which is in its work directory.'
            )
        super().load_state_dict(state_dict)

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Enter the context of the base class, with compressed gradients."""
        with self._compressing(), super().optim_context(model):
            yield

    def backward(self, loss: Tensor, **kwargs) -> None:
        """Run the backward pass, then average gradients over the processes.

        They are averaged each time, not only before a step. So a checkpoint
        in the middle of an accumulation, which one process writes, contains
        the gradients of all processes.
        """
        with self._compressing():  # activation checkpoints run forward again
            super().backward(loss, **kwargs)
        if self.trainable is not None:
            average_gradients(self.trainable.parameters())

    def _compressing(self) -> AbstractContextManager[None]:
        if self.trainable is None:
            return nullcontext()
        return self.trainable.compressing()


@OPTIM_WRAPPERS.register_module()
class PeftOptimWrapper(TrainsSelected, OptimWrapper):
    """``OptimWrapper`` for a run with a :class:`gps_seg.engine.PeftHook`.

    Example::

        optim_wrapper = dict(
            type='PeftOptimWrapper',
            optimizer=dict(type='AdamW', lr=1e-3),
        )
    """


@OPTIM_WRAPPERS.register_module()
class AmpPeftOptimWrapper(TrainsSelected, AmpOptimWrapper):
    """``AmpOptimWrapper`` for a run with a :class:`gps_seg.engine.PeftHook`.

    MMEngine's wrapper requires an accelerator. This one also works on a CPU,
    where the forward pass runs under bfloat16 autocast and the loss is not
    scaled.

    Args:
        loss_scale: Loss scale of ``AmpOptimWrapper``; not used on the CPU.
        dtype: ``'float16'`` or ``'bfloat16'``; None for the default of the
            device.
        **kwargs: Arguments of ``OptimWrapper``.

    Raises:
        ValueError: If ``dtype`` is not bfloat16 on the CPU.

    Example::

        optim_wrapper = dict(
            type='AmpPeftOptimWrapper',
            dtype='bfloat16',
            optimizer=dict(type='AdamW', lr=1e-3),
        )
    """

    def __init__(
        self,
        loss_scale: str | float | dict = 'dynamic',
        dtype: str | torch.dtype | None = None,
        **kwargs,
    ) -> None:
        if has_accelerator():
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

    def load_state_dict(self, state_dict: dict) -> None:
        """Load the state; a run on a CPU saved no state of a loss scaler."""
        if not state_dict.get('loss_scaler'):
            state_dict.pop('loss_scaler', None)
        super().load_state_dict(state_dict)
