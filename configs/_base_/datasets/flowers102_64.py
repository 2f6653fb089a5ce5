"""Flowers-102 of 64 x 64 pixels at its official split, with augmentation.

Training sees the official train and val (2,040 images), as in the protocol of
the FGVC sets; the test set has 6,149.
"""

_base_ = './cls_64.py'

dataset = dict(type='OxfordFlowers', data_root='data/flowers102-64')
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='RandomResizedCrop',
        scale=_base_.image_size,
        crop_ratio_range=(0.5, 1.0),
        interpolation='bicubic',
    ),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]

train_dataloader = dict(
    dataset=dict(dataset, split='trainval', pipeline=train_pipeline)
)
test_dataloader = dict(dataset=dict(dataset, split='test'))
