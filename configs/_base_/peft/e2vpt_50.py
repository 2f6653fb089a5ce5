"""E2VPT without pruning: 50 tokens, 5 keys and values in each block."""

custom_hooks = [dict(type='PeftHook', method=dict(type='e2vpt', prompts=50))]
