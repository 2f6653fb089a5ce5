# Copyright (c) gps_seg contributors. Apache-2.0.
"""Variants may differ in the method and in its learning rates, only.

What the configs say is checked before anything trains. What the runs did, the
start of the head and every batch, is hashed while they train, and compared
with the runs of other variants that had the same seed.
"""

import copy
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from gps_seg.additions import added_names
from gps_seg.comparison.records import RunRecord
from gps_seg.engine.runner_model import bare_model
from gps_seg.engine.training.hook_settings import peft_hooks
from gps_seg.engine.training.peft_hook import peft_hooks_of

#: Settings of the optimizer in which variants may differ.
_RATES = ('optimizer.lr', 'paramwise_cfg')
_HEAD, _BATCHES = 'treatment_head', 'treatment_batches'


#: Parts of a config that decide how a model is trained and scored. Others are
#: variables of the file, and what does not change a result.
PARTS = (
    'model',
    'load_from',
    *('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler'),
    *('val_dataloader', 'val_cfg', 'val_evaluator'),
    *('test_dataloader', 'test_cfg', 'test_evaluator'),
    *('default_hooks', 'custom_hooks', 'randomness', 'runner_type'),
)


def settings_that_count(config: Config) -> dict[str, Any]:
    """The parts of a config that decide its results."""
    settings = config.to_dict()
    return {part: settings[part] for part in PARTS if part in settings}


def hash_of(settings: dict[str, Any]) -> str:
    """SHA-256 of settings, whatever their order."""
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def shared_settings(config: Config) -> dict[str, Any]:
    """What is left of them without the method and its learning rates."""
    own = copy.deepcopy(config)
    own.custom_hooks = [
        hook
        for hook in own.get('custom_hooks') or []
        if hook not in peft_hooks(own)
    ]
    wrapper = own.get('optim_wrapper') or {}
    wrapper.pop('paramwise_cfg', None)
    (wrapper.get('optimizer') or {}).pop('lr', None)
    return settings_that_count(own)


def check_equal(configs: Mapping[str, Config]) -> None:
    """Raise ValueError if variants differ in more than method and rates.

    Args:
        configs: Config of each variant, of the same seed.
    """
    (first, wanted), *others = [
        (name, shared_settings(config)) for name, config in configs.items()
    ]
    for name, settings in others:
        different = sorted(
            key
            for key in {*wanted, *settings}
            if wanted.get(key) != settings.get(key)
        )
        if different:
            raise ValueError(
                'variants: expected the same settings besides the PeftHook, '
                f'{" and ".join(_RATES)} (optim_wrapper), got different '
                f"{', '.join(different)} in '{first}' and '{name}'. Compare "
                'what differs in other settings by configs of its own.'
            )


def settings_hash(config: Config) -> str:
    """SHA-256 of what all variants share of a config."""
    return hash_of(shared_settings(config))


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


def check_treated_alike(
    record: RunRecord, others: Iterable[RunRecord]
) -> None:
    """Raise ValueError if a run was treated otherwise than others.

    Args:
        record: New run.
        others: Finished runs of other variants, with the same seed.
    """
    for other in others:
        different = [
            what
            for what, digest in record.treatment.items()
            if other.treatment[what] != digest
        ]
        if different:
            raise ValueError(
                f'treatment: expected the same {", ".join(different)} in '
                f"'{record.variant}' and '{other.variant}', seed "
                f'{record.seed}, got different ones. Were they trained with '
                'the same versions of code, data and packages? Use another '
                '--work-dir to repeat all runs.'
            )
