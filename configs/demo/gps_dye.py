"""The demo: GPS takes the same segmentor to another hospital, B.

There a violet dye stains the polyps. Everything but the data is that of
``gps.py``.
"""

_base_ = './gps.py'

data_root = 'work_dirs/demo/data/dye'
generator = dict(
    domain='dye', split_sizes=dict(_delete_=True, train=96, val=64)
)
train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(dataset=dict(data_root=data_root))
