"""What every run of classification has; as default_runtime.py, MMPretrain's.

The test set chooses nothing: there is no validation during the training, and
the weights that are tested are the last ones.
"""

default_scope = 'mmpretrain'
custom_imports = dict(imports=['gps_seg.engine'], allow_failed_imports=False)
randomness = dict(seed=0)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=20),
    param_scheduler=dict(type='ParamSchedulerHook'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    checkpoint=dict(type='DeltaHook', interval=10, by_epoch=True),
    seeded_steps=dict(type='SeededStepsHook'),
    report=dict(type='ReportHook'),
)
visualizer = dict(
    type='UniversalVisualizer',
    vis_backends=[dict(type='LocalVisBackend')],
)
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
log_processor = dict(by_epoch=True)
log_level = 'INFO'
load_from = None
resume = False
