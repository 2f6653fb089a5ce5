# Copyright (c) gps_seg contributors. Apache-2.0.
"""The config of a new task: an ordinary file that a person can change."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gps_seg.peft import METHODS, build_method
from gps_seg.runs.own_folder.draft import Draft
from gps_seg.runs.own_folder.method_rates import Start
from gps_seg.runs.own_folder.plan import VALIDATIONS, Plan
from gps_seg.text.python_code import assignment

#: Name of the folder of a task's training.
RUN = 'run'
#: Rate of the head, as in all studies of this project.
HEAD_RATE = 1e-3

_BASES = """\
_base_ = [
    'gps_seg::_base_/models/fcn_ce_dice.py',
    'gps_seg::_base_/schedules/laptop.py',
    'gps_seg::_base_/default_runtime.py',
]
work_dir = '{{ fileDirname }}/run'
"""
#: Flips, shifts, turns and colours that keep a picture what it is. What enters
#: from outside the image is 255 in the mask, which the loss ignores.
_CHANGES = [
    dict(type='HorizontalFlip', p=0.5),
    dict(
        type='Affine',
        scale=(0.85, 1.15),
        rotate=(-20, 20),
        translate_percent=(-0.06, 0.06),
        fill=0,
        fill_mask=255,
        p=0.5,
    ),
    dict(
        type='ColorJitter',
        brightness=(0.8, 1.2),
        contrast=(0.8, 1.2),
        saturation=(0.8, 1.2),
        hue=(-0.02, 0.02),
        p=0.5,
    ),
]


def config_text(draft: Draft, plan: Plan) -> str:
    """Write the config of a task.

    Args:
        draft: Data, encoder and method.
        plan: Settings that follow from data and machine.

    Returns:
        The text of a config file of MMEngine.
    """
    parts = [
        _docstring(draft),
        _BASES,
        _section('The model', _model(draft, plan)),
        _section('The method', _method(draft.start, plan)),
        _section('The images', _images(draft, plan)),
        _LOADERS.format(batch=plan.batch, val_batch=plan.val_batch),
        _section('The schedule', _schedule(plan, draft.seed)),
    ]
    return '\n'.join(parts)


def _docstring(draft: Draft) -> str:
    name, (training, validation) = draft.name, draft.counts
    return (
        f'"""{name}: {training} images to train on, {validation} to '
        'validate.\n\n'
        f'    gps-seg train {name}\n'
        f'    gps-seg test {name} {name}/{RUN}/best_delta.safetensors\n\n'
        'Written by gps-seg new; everything can be changed.\n"""\n'
    )


def _section(title: str, values: Mapping[str, Any]) -> str:
    lines = [assignment(name, value) for name, value in values.items()]
    return '\n'.join([f'# {title}.', *lines, ''])


def _model(draft: Draft, plan: Plan) -> dict[str, Any]:
    encoder, number = draft.encoder, len(draft.found.classes)
    head: dict[str, Any] = dict(
        in_channels=list(encoder.channels),
        in_index=list(range(len(encoder.channels))),
        input_transform='resize_concat',
        channels=128,
        dropout_ratio=0.1,
        num_classes=number,
        out_channels=number,
    )
    if number > 2:
        # Soft Dice of all classes; the base has that of one object.
        head['loss_decode'] = [
            dict(type='CrossEntropyLoss', avg_non_ignore=True),
            dict(
                type='DiceLoss',
                use_sigmoid=False,
                naive_dice=True,
                ignore_index=255,
                eps=1.0,
            ),
        ]
    return dict(
        model=dict(
            data_preprocessor=dict(
                mean=list(encoder.mean), std=list(encoder.std), size=plan.size
            ),
            backbone=dict(_delete_=True, **encoder.backbone_for(plan.size)),
            decode_head=head,
        )
    )


def _method(start: Start, plan: Plan) -> dict[str, Any]:
    hook = dict(
        type='PeftHook',
        **start.hook,
        max_batches=math.ceil(plan.select_from / plan.batch),
    )
    wrapper: dict[str, Any] = dict(
        type='AmpPeftOptimWrapper' if plan.half else 'PeftOptimWrapper',
        accumulative_counts=plan.accumulation,
        **_rates(start),
    )
    if plan.half:
        wrapper['dtype'] = plan.half
    return dict(custom_hooks=[hook], optim_wrapper=wrapper)


def _rates(start: Start) -> dict[str, Any]:
    """The rate of the encoder, or of the head if nothing else trains."""
    if not build_method(start.hook['method'], METHODS).tunes_encoder:
        return dict(optimizer=dict(lr=HEAD_RATE * start.rate))
    keys = dict(backbone=dict(lr_mult=start.rate))
    return dict(
        optimizer=dict(lr=HEAD_RATE), paramwise_cfg=dict(custom_keys=keys)
    )


def _images(draft: Draft, plan: Plan) -> dict[str, Any]:
    found, (images, masks) = draft.found, draft.roots
    load = [dict(type='LoadImageFromFile')]
    mask = [dict(type='LoadMask', rule=dict(found.rule))]
    if plan.most_pixels is not None:
        load.append(dict(type='LimitPixels', most=plan.most_pixels))
        mask.append(dict(type='MaskAtImageSize'))
    resize = dict(type='Resize', scale=plan.size[::-1], keep_ratio=False)
    pack = dict(type='PackSegInputs')
    return dict(
        train_pipeline=[
            *load,
            *mask,
            resize,
            dict(type='ReproducibleAlbu', transforms=_CHANGES),
            pack,
        ],
        # The mask comes after Resize: scores are taken at the size of the
        # file.
        test_pipeline=[*load, resize, *mask, pack],
        dataset=dict(
            type='FolderDataset',
            images=str(images),
            masks=str(masks),
            metainfo=dict(
                classes=list(found.classes),
                palette=[list(colour) for colour in found.palette],
            ),
        ),
    )


_LOADERS = """\
train_dataloader = dict(
    batch_size={batch},
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler'),
    dataset=dict(
        ann_file='{{{{ fileDirname }}}}/splits/train.txt',
        pipeline=train_pipeline,
        **dataset,
    ),
)
val_dataloader = dict(
    batch_size={val_batch},
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        ann_file='{{{{ fileDirname }}}}/splits/val.txt',
        pipeline=test_pipeline,
        **dataset,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='DiceIoUMetric')
test_evaluator = val_evaluator
"""


def _schedule(plan: Plan, seed: int) -> dict[str, Any]:
    total = plan.iterations
    interval = max(1, total // VALIDATIONS)
    warmup = min(20 * plan.accumulation, total // 10)
    rising = dict(
        type='LinearLR', start_factor=0.01, by_epoch=False, end=warmup
    )
    falling = dict(
        type='CosineAnnealingLR',
        eta_min=0,
        by_epoch=False,
        begin=warmup,
        end=total,
    )
    return dict(
        train_cfg=dict(max_iters=total, val_interval=interval),
        param_scheduler=[rising, falling] if warmup else [falling],
        default_hooks=dict(checkpoint=dict(interval=interval)),
        randomness=dict(seed=seed),
    )
