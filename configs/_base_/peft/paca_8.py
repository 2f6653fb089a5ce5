"""PaCA: eight random columns of each linear map of the encoder."""

custom_hooks = [dict(type='PeftHook', method=dict(type='paca', columns=8))]
