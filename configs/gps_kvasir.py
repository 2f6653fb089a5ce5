"""GPS on Kvasir-SEG (880/120), DINOv2 ViT-S/14 at 252 x 252.

    python tools/train.py configs/gps_kvasir.py --seed 0 --amp

Ten epochs; docs/results.md compares the rivals in configs/kvasir.

Expected: image_mDice 85.9 and image_mIoU 78.2 after 17 minutes on 2 cores (AMD
EPYC with AVX-512-BF16, --amp); 1.29 % trained. The means of 2 seeds on a GPU
are 86.3 and 78.3; see docs/results.md.
"""

_base_ = [
    '_base_/models/vit-s14_dinov2_fcn.py',
    '_base_/datasets/kvasir_seg.py',
    '_base_/schedules/long.py',
    '_base_/default_runtime.py',
]

# About half of the training images is looked at to select.
custom_hooks = [
    dict(type='PeftHook', method=dict(type='gps', k=1), max_batches=60)
]
train_dataloader = dict(batch_size=8, sampler=dict(type='InfiniteSampler'))
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=3.0)))
)
default_hooks = dict(checkpoint=dict(interval=220))
