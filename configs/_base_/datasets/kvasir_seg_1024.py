"""Kvasir-SEG as SAM-Adapter trains on it: 1024 x 1024, mirrored at random."""

_base_ = './kvasir_seg.py'

from gps_seg.engine.config.input_size import at_input_size

globals().update(at_input_size(_base_, _base_.crop_size, (1024, 1024)))

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='CheckLabels', num_classes=2),
    dict(type='Resize', scale=(1024, 1024), keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(batch_size=1, dataset=dict(pipeline=train_pipeline))
