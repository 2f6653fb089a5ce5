"""The methods that a comparison runs, as variants of a config with a PeftHook.

Ranks and numbers of prompts are those of the papers, or the files in peft/.
"""

METHOD = 'custom_hooks.0.method'
LOSS = 'custom_hooks.0.loss'


def method(**settings):
    """The overrides that set a method."""
    return {METHOD: dict(_delete_=True, **settings)}


variants = {
    'linear': method(type='linear'),
    'bias': method(type='bias'),
    'norm': method(type='norm'),
    'full': method(type='full'),
    'lora': method(type='lora', rank=8, alpha=8, on=['q', 'v']),
    'adaptformer': method(type='adaptformer', rank=64),
    'vpt': method(type='vpt', prompts=50),
    'ssf': method(type='ssf'),
    'spt_lora': method(type='spt_lora', budget=200_000),
    'paca': method(type='paca', columns=8),
    'gps random': method(type='gps', k=1, score='random'),
    'gps random unit': method(type='gps', k=1, score='random', step='unit'),
    'gps': method(type='gps', k=1),
    'gps decrement': {
        **method(type='gps', k=1, score='decrement', step='unit'),
        LOSS: dict(type='task', warmup=60, warm='whole'),
    },
}
references = ['full', 'bias', 'gps random']
