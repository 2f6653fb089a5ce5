"""GPS on CVC-ClinicDB by video, DINOv2 ViT-S/14 at 252 x 252.

    python tools/train.py configs/cvc_clinicdb/gps.py --seed 0

8 sequences to train on, 6 others to test on. The part with 296 of the 612
frames is what the split lists are for; see data/README.md.

Not run.
"""

_base_ = [
    '../_base_/models/vit-s14_dinov2_fcn.py',
    '../_base_/datasets/cvc_clinicdb.py',
    '../_base_/schedules/laptop.py',
    '../_base_/peft/gps_k1.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(batch_size=8, sampler=dict(type='InfiniteSampler'))
default_hooks = dict(checkpoint=dict(interval=110))
