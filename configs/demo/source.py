"""The demo: new images of the hospital where the base was trained.

No training belongs to it. It scores the base, or the base with a delta, where
the base is at home: ``python tools/test.py configs/demo/source.py
data/demo/vit-demo_source.safetensors``. The seed is another one than that of
the pretraining, so no image was seen there.
"""

_base_ = './gps.py'

data_root = 'work_dirs/demo/data/source_held_out'
generator = dict(
    domain='source', split_sizes=dict(_delete_=True, val=64), seed=1
)
train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(dataset=dict(data_root=data_root))
