"""GPS: one connection per neuron, chosen by a pass over the training data."""

custom_hooks = [dict(type='PeftHook', method=dict(type='gps', k=1))]
