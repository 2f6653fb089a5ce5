"""The row "Adapter" of the tables of VPT, SSF, SPT and GPS.

All its values are zero at the start, so only one bias for each block learns.
"""

custom_hooks = [
    dict(
        type='PeftHook',
        method=dict(type='adapter', reduction=8, init='vpt_zero'),
    )
]
