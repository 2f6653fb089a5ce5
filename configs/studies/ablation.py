"""What selection is worth: scopes, scores and amounts, all else equal.

    python tools/compare.py configs/studies/ablation.py --seeds 0 1 2

Expected: image_mDice 66.7 for GPS, 65.4 for random connections and 64.1 for
biases alone (means of 3 seeds). docs/selection.md has all 14 variants. The
time was not recorded.
"""

_base_ = './kvasir_98.py'

METHOD = _base_.METHOD
rates = dict(_delete_=True)  # those of other variants
RATE = 'optim_wrapper.paramwise_cfg.custom_keys.backbone.lr_mult'

variants = {
    '_delete_': True,
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
