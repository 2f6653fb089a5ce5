"""As gps_kvasir.py, for a GPU: DINOv2 ViT-B/14, 40 epochs of batch 16.

    python tools/train.py configs/gps_kvasir_vit-b14_gpu.py

It trains in mixed precision (bfloat16). The official weights are downloaded;
see weights/README.md.

Not run.
"""

_base_ = [
    '_base_/models/vit-b14_dinov2_fcn.py',
    '_base_/datasets/kvasir_seg.py',
    '_base_/schedules/gpu.py',
    '_base_/peft/gps_k1.py',
    '_base_/default_runtime.py',
]

train_dataloader = dict(
    batch_size=16, num_workers=8, sampler=dict(type='InfiniteSampler')
)
