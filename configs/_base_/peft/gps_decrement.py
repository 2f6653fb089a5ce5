"""GPS in units of the inputs: by the Newton decrement, with unit steps.

What trains whole is warmed up for 60 steps before the pass.
"""

custom_hooks = [
    dict(
        type='PeftHook',
        method=dict(type='gps', k=1, score='decrement', step='unit'),
        loss=dict(type='task', warmup=60, warm='whole'),
    )
]
