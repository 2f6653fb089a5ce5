"""Synthetic polyps of the target domain, 112 x 112 pixels.

``generator`` is what ``tools/demo.py`` draws into ``data_root`` when it is not
there yet. The loader workers stay off: an image is read in less time than a
worker needs to start.
"""

dataset_type = 'PolypDataset'
data_root = 'work_dirs/demo/data/target'
generator = dict(
    domain='target',
    split_sizes=dict(train=96, val=64, tune=64),
    size=112,
    seed=0,
)
prefix = dict(img_path='images', seg_map_path='masks')
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='RandomFlip', prob=0.5, direction='vertical'),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='splits/train.txt',
        data_prefix=prefix,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='splits/val.txt',
        data_prefix=prefix,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='DiceIoUMetric')
test_evaluator = val_evaluator
