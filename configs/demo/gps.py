"""The demo: GPS takes a segmentor from white light to hospital A.

    python tools/train.py configs/demo/gps.py

There the light is narrow-band. ``make demo`` draws the images first, and runs
this config and its siblings.

Expected: image_mDice 77.4 (before: 37.6) after 15 to 30 seconds on
one core (Xeon, float32); 2.10 % trained.
The learning rates of linear, bias, gps and full were chosen among three or
more on ``splits/tune.txt``, never on the validation images, by
``python tools/train.py configs/demo/gps.py --work-dir work_dirs/tune/gps_2e-2
--cfg-options optim_wrapper.optimizer.lr=2e-2
val_dataloader.dataset.ann_file=splits/tune.txt``. Those of gps_random and
gps_dye are that of gps.
"""

_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/vit-demo_fcn.py',
    '../_base_/datasets/synthetic_polyps.py',
    '../_base_/schedules/demo.py',
    '../_base_/peft/gps_k1.py',
]

load_from = 'data/demo/vit-demo_source.safetensors'
default_hooks = dict(checkpoint=dict(interval=150, save_best=None))
