"""Stanford Cars with the paper's settings, for any backbone."""

_base_ = ['../datasets/fgvc_cars.py', './fgvc.py']

num_classes = 196
model_settings = dict(
    data_preprocessor=dict(num_classes=num_classes),
    backbone=dict(drop_path_rate=0.0),
    head=dict(num_classes=num_classes),
)
custom_hooks = [
    dict(_base_.custom_hooks[0], method=dict(type='gps', k=15)),
    dict(type='EMAHook', momentum=2e-4),
]
optim_wrapper = dict(optimizer=dict(lr=5e-4))
