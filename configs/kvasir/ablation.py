"""What selection is worth: scopes, scores and amounts, all else equal.

    python tools/ablate.py configs/kvasir/ablation.py --seeds 0 1 2

docs/selection.md has the result.
"""

_base_ = './small.py'

METHOD = 'custom_hooks.0.method'
RATE = 'optim_wrapper.paramwise_cfg.custom_keys.backbone.lr_mult'

variants = {
    'bias': {METHOD: dict(type='bias', _delete_=True), RATE: 3.0},
    **{
        f'{scope} {score} k=1': {METHOD: dict(scope=scope, score=score)}
        for scope in ('neuron', 'layer', 'network')
        for score in ('gradient', 'random', 'magnitude')
    },
    **{
        f'neuron {score} k={k}': {METHOD: dict(k=k, score=score)}
        for k in (5, 20)
        for score in ('gradient', 'random')
    },
}
