"""The recommended rates on the validation images, which took no part so far.

    python tools/ablate.py configs/kvasir/recommended.py --seeds 0 1 2

docs/selection.md has the result.
"""

_base_ = './search.py'

train_dataloader = dict(dataset=dict(ann_file='splits/train.txt'))
val_dataloader = dict(dataset=dict(ann_file='splits/val.txt'))
