"""The demo: new images of the hospital where the base was trained.

    python tools/test.py configs/demo/source.py DELTA

DELTA is ``work_dirs/demo/gps/delta.safetensors`` of ``make demo``, or another.
The base alone is the checkpoint ``data/demo/vit-demo_source.safetensors``.
The seed of the images differs from that of the pretraining, which saw none.

Expected: image_mDice 90.4 for the base alone.
"""

_base_ = './gps.py'

data_root = 'work_dirs/demo/data/source_held_out'
generator = dict(
    domain='source', split_sizes=dict(_delete_=True, val=64), seed=1
)
train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(dataset=dict(data_root=data_root))
