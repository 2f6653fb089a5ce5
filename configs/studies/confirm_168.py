"""Kvasir-SEG at 168 x 168 on the lists that confirm: 300 and 180 images.

    python tools/train.py configs/studies/confirm_168.py --seed 0

All are training images, and none is in the tuning lists: what was chosen
there is confirmed here.

Expected: image_mDice 79.6 for GPS with its recipe, 79.9 for as many random
connections and 78.4 for biases (means of 5 seeds). See docs/selection.md.
"""

_base_ = './kvasir_168.py'

train_dataloader = dict(dataset=dict(ann_file='splits/confirm_train.txt'))
val_dataloader = dict(dataset=dict(ann_file='splits/confirm_val.txt'))
test_dataloader = val_dataloader
unseen = dict(_delete_=True)
