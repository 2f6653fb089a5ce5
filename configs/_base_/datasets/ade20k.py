"""ADE20K (SceneParse150) at 512 x 512, as MMSegmentation trains on it.

The files hold 0 where nobody labelled and 1..150 for the classes; the data
set turns them into 255 (ignored) and 0..149 (``reduce_zero_label``).
"""

dataset_type = 'CheckedADE20KDataset'
data_root = 'data/ade/ADEChallengeData2016'
crop_size = (512, 512)
test_scale = (2048, 512)  # the longer side at most, the shorter side

load_labels = [
    dict(type='LoadAnnotations'),
    dict(type='CheckLabels', num_classes=150),
]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    *load_labels,
    dict(
        type='RandomResize',
        scale=test_scale,
        ratio_range=(0.5, 2.0),
        keep_ratio=True,
    ),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=test_scale, keep_ratio=True),
    # After Resize: scores are taken at the size of the file.
    *load_labels,
    dict(type='PackSegInputs'),
]
# Multiples of the scale of the plain test, so that ratio 1 is that test.
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(
                    type='Resize',
                    scale=tuple(int(side * ratio) for side in (2048, 512)),
                    keep_ratio=True,
                )
                for ratio in (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
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

train_dataloader = dict(
    batch_size=2,  # of each of 8 GPUs
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(
            img_path='images/training', seg_map_path='annotations/training'
        ),
        num_pairs=20210,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,  # images of different sizes
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(
            img_path='images/validation',
            seg_map_path='annotations/validation',
        ),
        num_pairs=2000,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

# MMSegmentation's own: the numbers of its tables.
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU', 'mDice'])
test_evaluator = val_evaluator
