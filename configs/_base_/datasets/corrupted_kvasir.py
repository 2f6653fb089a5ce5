"""Validation images of Kvasir-SEG, damaged in six kinds and five severities.

``Corrupt`` has the strength of each severity. The data sets are named
``blur-1`` to ``jpeg-5``, so that ``tools/test.py --unseen 'blur-*'`` draws the
score of one kind against its severity. As in ``unseen_polyps.py``, a leaf puts
its own steps behind the damage:

    unseen = {
        name: dict(data, pipeline=data.pipeline + _base_.test_pipeline[1:])
        for name, data in _base_.unseen.items()
    }
"""

unseen = {
    f'{kind}-{severity}': dict(
        type='KvasirSEGDataset',
        data_root='data/kvasir-seg',
        ann_file='splits/val.txt',
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='Corrupt', kind=kind, severity=severity),
        ],
    )
    for kind in ('blur', 'noise', 'brightness', 'darkness', 'contrast', 'jpeg')
    for severity in (1, 2, 3, 4, 5)
}
