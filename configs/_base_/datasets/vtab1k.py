"""What the tasks of VTAB-1k share: 1,000 images, resized to 224 x 224.

No augmentation, no crop. Each leaf names the task.
"""

data_root = 'data/vtab-1k'

pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='Resize',
        scale=(224, 224),
        backend='pillow',
        interpolation='bicubic',
    ),
    dict(type='PackInputs'),
]

train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    drop_last=True,
    dataset=dict(
        type='VTAB1k',
        data_root=data_root,
        split='train800val200',
        pipeline=pipeline,
    ),
)
test_dataloader = dict(
    batch_size=64,
    num_workers=8,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='VTAB1k',
        data_root=data_root,
        split='test',
        pipeline=pipeline,
    ),
)

test_evaluator = dict(type='Accuracy', topk=1)
