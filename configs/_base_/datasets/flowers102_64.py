"""Flowers-102 of 64 x 64 pixels at its official split, shown at 70 x 70.

Training sees the official train and val (2,040 images), as in the protocol of
the FGVC sets; the test set has 6,149.
"""

data_root = 'data/flowers102-64'
image_size = (70, 70)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='RandomResizedCrop',
        scale=image_size,
        crop_ratio_range=(0.5, 1.0),
        interpolation='bicubic',
    ),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=image_size, interpolation='bicubic'),
    dict(type='PackInputs'),
]

train_dataloader = dict(
    batch_size=32,
    # An image is read in less time than a worker needs to start.
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    drop_last=True,
    dataset=dict(
        type='OxfordFlowers',
        data_root=data_root,
        split='trainval',
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=64,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='OxfordFlowers',
        data_root=data_root,
        split='test',
        pipeline=test_pipeline,
    ),
)

# The recall, averaged over the classes, is the mean accuracy per class.
test_evaluator = [
    dict(type='Accuracy', topk=(1, 5)),
    dict(type='SingleLabelMetric', items=('recall',)),
]
