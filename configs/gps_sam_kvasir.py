"""GPS on Kvasir-SEG (880/120): SAM with ViT-B/16 at 1024 x 1024.

    python tools/train.py configs/gps_sam_kvasir.py --amp

The experiment of the paper with its settings, but on the official split:
connections are selected, and weights are kept, by training images alone, and
what is reported is Dice and IoU. docs/sam.md has the differences.

Not run. 83,712 connections of the linear layers and the patch embedding and
512 of the neck train, with 83,712 biases and the mask decoder.
"""

_base_ = [
    '_base_/models/sam_vit-b.py',
    '_base_/datasets/kvasir_seg_1024.py',
    '_base_/schedules/sam.py',
    '_base_/peft/gps_k1.py',
    '_base_/default_runtime.py',
]

train_dataloader = dict(sampler=dict(type='InfiniteSampler'))
# The last weights are tested; the validation images choose nothing.
default_hooks = dict(checkpoint=dict(interval=880, save_best=None))
