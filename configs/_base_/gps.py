"""GPS on top of any config, as one more base.

    _base_ = ['your_config.py', 'gps_seg::_base_/gps.py']

MMEngine refuses a key that two bases set. So only keys are set here that a
config of MMSegmentation does not have: the runner puts the optim wrapper and
the deltas in, and the package is imported without ``custom_imports``, which
the ConvNeXt configs have. See docs/plug_in.md.
"""

__import__('gps_seg.engine')

runner_type = 'PeftRunner'
custom_hooks = [
    # The scope would else be the package's name, which has no registry.
    dict(type='PeftHook', _scope_='mmengine', method=dict(type='gps', k=1))
]
