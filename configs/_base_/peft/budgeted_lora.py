"""LoRA at the linear maps where a budget of added values is best spent."""

custom_hooks = [
    dict(
        type='PeftHook',
        method=dict(
            type='budgeted',
            of=dict(type='lora', rank=8, on=('all',)),
            budget=100_000,
        ),
    )
]
