"""The demo: GPS takes a segmentor from white light to hospital A.

There the light is narrow-band. ``make demo`` draws the images and runs this
config and its siblings. After it this one runs alone by
``python tools/train.py configs/demo/gps.py``.

The learning rate of this config and of each of its siblings was chosen among
three or more on ``splits/tune.txt``, never on the validation images:
``python tools/train.py configs/demo/gps.py --work-dir work_dirs/tune/gps_2e-2
--cfg-options optim_wrapper.optimizer.lr=2e-2
val_dataloader.dataset.ann_file=splits/tune.txt``
"""

_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/vit-demo_fcn.py',
    '../_base_/datasets/synthetic_polyps.py',
    '../_base_/schedules/demo.py',
    '../_base_/peft/gps.py',
]

load_from = 'data/demo/vit-demo_source.safetensors'
default_hooks = dict(checkpoint=dict(interval=150, save_best=None))
