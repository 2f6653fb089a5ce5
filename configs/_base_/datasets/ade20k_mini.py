"""A few pairs of ADE20K at 252 x 252, to train on and to test on.

Nothing that is measured here says how a model does on images that it has not
seen. The pairs are all in the validation folder:
``tools/dataset_converters/ade20k.py ARCHIVE data/ade20k-mini --partial``.
"""

_base_ = './ade20k.py'

data_root = 'data/ade20k-mini'
crop_size = (252, 252)
short_side = (1008, 252)  # the longer side at most, the shorter side
prefix = dict(
    img_path='images/validation', seg_map_path='annotations/validation'
)
load_labels = [
    dict(type='LoadAnnotations'),
    dict(type='CheckLabels', num_classes=150),
]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    *load_labels,
    dict(type='Resize', scale=short_side, keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=short_side, keep_ratio=True),
    *load_labels,
    dict(type='PackSegInputs'),
]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(
                    type='Resize',
                    scale=tuple(int(side * ratio) for side in (1008, 252)),
                    keep_ratio=True,
                )
                for ratio in (0.75, 1.0, 1.25)
            ],
            [
                dict(type='RandomFlip', prob=0.0, direction='horizontal'),
                dict(type='RandomFlip', prob=1.0, direction='horizontal'),
            ],
            *([step] for step in load_labels),
            [dict(type='PackSegInputs')],
        ],
    ),
]

dataset = dict(data_root=data_root, data_prefix=prefix, num_pairs=None)
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(**dataset, pipeline=train_pipeline),
)
val_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(**dataset, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
