"""GPS on Kvasir-SEG with an encoder of timm: DINOv3 ViT-S/16 at 256 x 256.

    python tools/train.py configs/kvasir/gps_timm_dinov3_vit-s16.py --seed 0

It needs timm (pip install 'gps-seg[encoders]'), which downloads the weights;
docs/encoders.md says where a file of them is put instead.

Not run.
"""

_base_ = [
    '../_base_/models/vit-s16_dinov3_fcn.py',
    '../_base_/datasets/kvasir_seg_256.py',
    '../_base_/schedules/laptop.py',
    '../_base_/peft/gps_k1.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(batch_size=8, sampler=dict(type='InfiniteSampler'))
default_hooks = dict(checkpoint=dict(interval=110))
