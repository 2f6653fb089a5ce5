"""PraNet's protocol: one training set, five test sets, 252 x 252 pixels.

1450 images to train on, 900 of Kvasir-SEG and 550 of CVC-ClinicDB. The
protocol has no validation set, so 138 of them, among them three whole videos,
are kept back to choose by: 1312 train, and nothing is chosen on a test set.
``all.txt`` lists the 1450.

The test sets are in ``unseen``, where ``tools/compare.py`` reads them. Their
pipelines load an image; a leaf puts its own steps behind that:

    unseen = {
        name: dict(data, pipeline=data.pipeline + _base_.test_pipeline[1:])
        for name, data in _base_.unseen.items()
    }

The images of Kvasir and CVC-ClinicDB come from where training images come
from: every test frame of CVC-ClinicDB is of a video with training frames. Only
the other three show how a model does elsewhere.
"""

_base_ = './kvasir_seg.py'

dataset_type = 'PolypDataset'
data_root = 'data/pranet/train'
img_suffix = '.png'

loader = dict(
    dataset=dict(type=dataset_type, data_root=data_root, img_suffix=img_suffix)
)
train_dataloader = loader
val_dataloader = loader
test_dataloader = loader

unseen = {
    name: dict(
        type=dataset_type,
        data_root=f'data/pranet/{name}',
        ann_file='splits/all.txt',
        img_suffix=img_suffix,
        pipeline=[dict(type='LoadImageFromFile')],
    )
    for name in (
        'Kvasir',
        'CVC-ClinicDB',
        'CVC-300',
        'CVC-ColonDB',
        'ETIS-LaribPolypDB',
    )
}
