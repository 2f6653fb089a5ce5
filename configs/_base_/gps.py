"""GPS on top of any config, as one more base.

    _base_ = ['your_config.py', 'gps_seg::_base_/gps.py']

MMEngine refuses a key that two bases set. So only keys are set here that a
config of MMSegmentation does not have: the runner puts the optim wrapper and
the deltas in, and the package is imported without ``custom_imports``, which
the ConvNeXt configs have. See docs/plug_in.md.
"""

__import__('gps_seg.engine')

_base_ = './peft/gps_k1.py'

runner_type = 'PeftRunner'
# Without a scope MMEngine notes the package's name, which has no registry.
custom_hooks = [dict(_base_.custom_hooks[0], _scope_='mmengine')]
