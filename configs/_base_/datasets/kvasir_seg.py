"""Kvasir-SEG at its official 880/120 split, 252 x 252 pixels.

252 is 18 patches of 14 pixels. The images are resized without regard to their
aspect ratio (most are 7 to 18 % wider than high), as is the custom for this
data set. What enters from outside the image when it is turned or moved is 255
in the mask, so the loss ignores it; the default of Albumentations, 0, would
teach that it is background.
"""

dataset_type = 'KvasirSEGDataset'
data_root = 'data/kvasir-seg'
data_prefix = dict(img_path='images', seg_map_path='masks')
crop_size = (252, 252)

albu_transforms = [
    dict(type='HorizontalFlip', p=0.5),
    dict(type='RandomRotate90', p=0.5),
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
    dict(type='GaussianBlur', blur_limit=(3, 5), p=0.1),
]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='CheckLabels', num_classes=2),
    dict(type='Resize', scale=crop_size, keep_ratio=False),
    dict(type='ReproducibleAlbu', transforms=albu_transforms),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=crop_size, keep_ratio=False),
    # After Resize: scores are taken at the size of the file.
    dict(type='LoadAnnotations'),
    dict(type='CheckLabels', num_classes=2),
    dict(type='PackSegInputs'),
]

# The encoder knows one size of its input, so there is one scale: the image and
# its mirror image.
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale=crop_size, keep_ratio=False)],
            [
                dict(type='RandomFlip', prob=0.0, direction='horizontal'),
                dict(type='RandomFlip', prob=1.0, direction='horizontal'),
            ],
            [dict(type='LoadAnnotations')],
            [dict(type='CheckLabels', num_classes=2)],
            [dict(type='PackSegInputs')],
        ],
    ),
]

train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    # Workers are seeded when they start, so new ones in every epoch would
    # repeat the augmentation of the first.
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='splits/train.txt',
        data_prefix=data_prefix,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='splits/val.txt',
        data_prefix=data_prefix,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='DiceIoUMetric')
test_evaluator = val_evaluator
