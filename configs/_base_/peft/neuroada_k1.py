"""NeuroAda: the largest weight of each neuron, chosen without data."""

custom_hooks = [dict(type='PeftHook', method=dict(type='neuroada', k=1))]
