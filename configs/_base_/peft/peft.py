"""A tuner of Hugging Face's PEFT library: OFT on q and v (Qiu et al., 2023).

Needs ``pip install 'gps-seg[peft]'``. For another tuner of the library, change
``peft_type`` and its ``settings``.
"""

custom_hooks = [
    dict(
        type='PeftHook',
        method=dict(
            type='peft',
            peft_type='oft',
            settings=dict(oft_block_size=32),
            on=('q', 'v'),
        ),
    )
]
