"""As gps_sam_kvasir.py, with ViT-H/16.

    python tools/train.py configs/sam_kvasir/gps_vit-h.py --amp

Not run.
"""

_base_ = [
    '../_base_/models/sam_vit-h.py',
    '../_base_/datasets/kvasir_seg_1024.py',
    '../_base_/schedules/sam.py',
    '../_base_/peft/gps_k1.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(sampler=dict(type='InfiniteSampler'))
default_hooks = dict(checkpoint=dict(interval=880, save_best=None))
