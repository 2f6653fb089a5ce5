"""The bigger sibling for a GPU: DINOv2 ViT-B/14, 40 epochs of batch 16, AMP.

    python tools/train.py configs/gps_kvasir_vit-b14_gpu.py

The official weights are downloaded (see weights/README.md). This schedule has
not been measured yet.
"""

_base_ = [
    '_base_/models/vit-b14_dinov2_fcn.py',
    '_base_/datasets/kvasir_seg.py',
    '_base_/schedules/gpu.py',
    '_base_/peft/gps.py',
    '_base_/default_runtime.py',
]

train_dataloader = dict(
    batch_size=16, num_workers=8, sampler=dict(type='InfiniteSampler')
)
