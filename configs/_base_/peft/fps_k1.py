"""FPS: one connection per neuron, chosen by a forward pass over the data."""

custom_hooks = [dict(type='PeftHook', method=dict(type='fps', k=1))]
