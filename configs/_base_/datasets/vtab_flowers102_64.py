"""VTAB-1k's Flowers-102 of 64 x 64 pixels, resized and not augmented.

1,000 training images and the official 6,149 of the test.
"""

data_root = 'data'
folder = 'flowers102-64'
task = 'oxford_flowers102'
image_size = (70, 70)

pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=image_size, interpolation='bicubic'),
    dict(type='PackInputs'),
]

train_dataloader = dict(
    batch_size=32,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    drop_last=True,
    dataset=dict(
        type='VTAB1k',
        data_root=data_root,
        folder=folder,
        task=task,
        split='train800val200',
        pipeline=pipeline,
    ),
)
test_dataloader = dict(
    batch_size=64,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='VTAB1k',
        data_root=data_root,
        folder=folder,
        task=task,
        split='test',
        pipeline=pipeline,
    ),
)

# The recall, averaged over the classes, is the mean accuracy per class.
test_evaluator = [
    dict(type='Accuracy', topk=(1, 5)),
    dict(type='SingleLabelMetric', items=('recall',)),
]
