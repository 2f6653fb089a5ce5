"""VPT-Deep: 50 trained tokens in each block of a ViT."""

custom_hooks = [dict(type='PeftHook', method=dict(type='vpt', prompts=50))]
