"""NABirds with the paper's settings, for any backbone."""

_base_ = ['../datasets/fgvc_nabirds.py', './fgvc.py']

num_classes = 555
model_settings = dict(
    data_preprocessor=dict(num_classes=num_classes),
    backbone=dict(drop_path_rate=0.1),
    head=dict(num_classes=num_classes),
)
custom_hooks = [
    dict(_base_.custom_hooks[0], method=dict(type='gps', k=20)),
    dict(type='EMAHook', momentum=2e-4),
]
optim_wrapper = dict(optimizer=dict(lr=1e-4))
