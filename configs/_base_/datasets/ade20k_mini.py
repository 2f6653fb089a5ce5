"""A few pairs of ADE20K at 252 x 252, to train on and to test on.

Nothing that is measured here says how a model does on images that it has not
seen. The pairs are all in the validation folder:
``tools/dataset_converters/ade20k.py ARCHIVE data/ade20k-mini --partial``.
"""

_base_ = './ade20k.py'

data_root = 'data/ade20k-mini'
crop_size = (252, 252)
test_scale = (1008, 252)  # the longer side at most, the shorter side
resize = dict(type='Resize', scale=test_scale, keep_ratio=True)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    *_base_.load_labels,
    resize,
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    resize,
    *_base_.load_labels,
    dict(type='PackSegInputs'),
]
# Fewer scales than at full size; the other steps are those of the base.
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(resize, scale=scale)
                for scale in ((756, 189), (1008, 252), (1260, 315))
            ],
            *_base_.tta_pipeline[1]['transforms'][1:],
        ],
    ),
]

loader = dict(num_workers=0, persistent_workers=False)
dataset = dict(
    data_root=data_root,
    data_prefix=dict(
        img_path='images/validation', seg_map_path='annotations/validation'
    ),
    num_pairs=None,
)
train_dataloader = dict(loader, dataset=dict(dataset, pipeline=train_pipeline))
val_dataloader = dict(loader, dataset=dict(dataset, pipeline=test_pipeline))
test_dataloader = val_dataloader
