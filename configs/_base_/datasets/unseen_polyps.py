"""Images unlike those of Kvasir-SEG that a model was tuned on.

CVC-ClinicDB comes from another hospital; the others are damaged copies of the
validation images of Kvasir-SEG. The pipelines load an image and damage it. A
leaf puts its own steps behind that:

    unseen = {
        name: dict(data, pipeline=data.pipeline + _base_.test_pipeline[1:])
        for name, data in _base_.unseen.items()
    }
"""

unseen = dict(
    clinicdb=dict(
        type='PolypDataset',
        data_root='data/cvc-clinicdb',
        ann_file='splits/all.txt',
        pipeline=[dict(type='LoadImageFromFile')],
    ),
    **{
        kind: dict(
            type='KvasirSEGDataset',
            data_root='data/kvasir-seg',
            ann_file='splits/val.txt',
            pipeline=[
                dict(type='LoadImageFromFile'),
                dict(type='Corrupt', kind=kind, severity=3),
            ],
        )
        for kind in ('blur', 'noise', 'brightness', 'jpeg')
    },
)
