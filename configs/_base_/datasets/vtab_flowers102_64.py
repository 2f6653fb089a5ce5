"""VTAB-1k's Flowers-102 of 64 x 64 pixels: 1,000 images, not augmented.

The test set is the official one of 6,149.
"""

_base_ = './cls_64.py'

dataset = dict(
    type='VTAB1k',
    data_root='data',
    folder='flowers102-64',
    task='oxford_flowers102',
)

train_dataloader = dict(dataset=dict(dataset, split='train800val200'))
test_dataloader = dict(dataset=dict(dataset, split='test'))
