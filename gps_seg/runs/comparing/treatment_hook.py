# Copyright (c) gps_seg contributors. Apache-2.0.
"""Hashes of what a run was given: the start of its head, and every batch."""

import hashlib
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from gps_seg.additions import added_names
from gps_seg.engine.runner_model import bare_model
from gps_seg.engine.training.peft_hook import peft_hooks_of

#: Keys of the message hub.
_HEAD, _BATCHES = 'treatment_head', 'treatment_batches'


class TreatmentHook(Hook):
    """Hash what all variants must share in a run of the same seed.

    The hashes are kept in the message hub, and so in the state from which a
    stopped run is resumed.
    """

    priority = 'VERY_LOW'  # after PeftHook, which may warm up the head

    def before_train(self, runner: Runner) -> None:
        """Hash the start of the head."""
        if runner.iter == 0:
            runner.message_hub.update_info(_HEAD, head_digest(runner))
            runner.message_hub.update_info(_BATCHES, '')

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Hash the images of a batch, as augmented, and their order."""
        total = hashlib.sha256(_told(runner, _BATCHES).encode())
        for image in data_batch['inputs']:
            total.update(image.contiguous().cpu().numpy().tobytes())
        runner.message_hub.update_info(_BATCHES, total.hexdigest())

    def hashes(self, runner: Runner) -> dict[str, str]:
        """The hashes of a finished run, by what they are of."""
        return {
            'head': _told(runner, _HEAD),
            'batches': _told(runner, _BATCHES),
        }


def _told(runner: Runner, key: str) -> str:
    return str(runner.message_hub.get_info(key))


def head_digest(runner: Runner) -> str:
    """SHA-256 of the parameters outside the encoder, without additions."""
    model = bare_model(runner)
    (hook,) = peft_hooks_of(runner)
    added, total = added_names(model), hashlib.sha256()
    for name, parameter in sorted(model.named_parameters()):
        if name.startswith(f'{hook.method.encoder}.') or name in added:
            continue
        total.update(name.encode())
        flat = parameter.detach().cpu().contiguous().reshape(-1)
        total.update(flat.view(torch.uint8).numpy())
    return total.hexdigest()
