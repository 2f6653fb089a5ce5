"""GPS on PraNet's protocol, DINOv2 ViT-S/14 at 252 x 252.

    python tools/train.py configs/pranet/gps.py --seed 0 --amp

Kvasir-SEG and CVC-ClinicDB to train and to choose on; five test sets in
``unseen``, all of which are scored by

    python tools/test.py configs/pranet/gps.py DELTA --unseen

Not run.
"""

_base_ = [
    '../_base_/models/vit-s14_dinov2_fcn.py',
    '../_base_/datasets/pranet.py',
    '../_base_/schedules/laptop.py',
    '../_base_/peft/gps_k1.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(batch_size=8, sampler=dict(type='InfiniteSampler'))
default_hooks = dict(checkpoint=dict(interval=110))
unseen = {
    name: dict(data, pipeline=data.pipeline + _base_.test_pipeline[1:])
    for name, data in _base_.unseen.items()
}
