"""The demo: GPS takes the same segmentor to hospital B.

    python tools/train.py configs/demo/gps_dye.py

There a violet dye stains the polyps. All but the images is as in ``gps.py``.

Expected: image_mDice 83.4 (before: 21.8) after 15 to 30 seconds on
one core (Xeon, float32); 2.10 % trained.
"""

_base_ = './gps.py'

data_root = 'work_dirs/demo/data/dye'
generator = dict(
    domain='dye', split_sizes=dict(_delete_=True, train=96, val=64)
)
train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(dataset=dict(data_root=data_root))
