"""Kvasir-SEG at 168 x 168 on the tuning lists: 300 and 100 images.

    python tools/train.py configs/studies/tune_168.py --seed 0

All are training images, so that what is chosen here can be scored on the
validation images.

Not run.
"""

_base_ = './kvasir_168.py'

train_dataloader = dict(dataset=dict(ann_file='splits/tune_train.txt'))
val_dataloader = dict(dataset=dict(ann_file='splits/tune_val.txt'))
test_dataloader = val_dataloader
unseen = dict(_delete_=True)
