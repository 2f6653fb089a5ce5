"""E2VPT: half of 50 tokens, and half of their segments, after a warm-up."""

custom_hooks = [
    dict(
        type='PeftHook',
        method=dict(
            type='e2vpt', prompts=50, keep_tokens=0.5, keep_segments=0.5
        ),
        loss=dict(type='task', warmup=60),
    )
]
