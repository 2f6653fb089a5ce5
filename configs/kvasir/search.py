"""Where is selection worth most? On held-out training images.

    python tools/ablate.py configs/kvasir/search.py --seeds 0

300 training images to train, 100 others to score; the validation images take
no part. ``v`` is the learning rate of the selected values as a multiple of
the head's; that of the biases is 3 throughout.
"""

_base_ = './small.py'

train_dataloader = dict(dataset=dict(ann_file='splits/tune_train.txt'))
val_dataloader = dict(dataset=dict(ann_file='splits/tune_val.txt'))

METHOD = 'custom_hooks.0.method'
LOSS = 'custom_hooks.0.loss'
LR = 1e-3  # of the head
RATES = {
    v: {
        'optim_wrapper.optimizer.lr': LR * v,
        'optim_wrapper.paramwise_cfg': dict(
            _delete_=True,
            bias_lr_mult=3 / v,
            custom_keys=dict(decode_head=dict(lr_mult=1 / v)),
        ),
    }
    for v in (1, 3, 10)
}
variants = {
    'bias': {METHOD: dict(type='bias', _delete_=True), **RATES[1]},
    **{
        f'{score} k={k} v={v}': {METHOD: dict(k=k, score=score), **RATES[v]}
        for k, v in ((1, 1), (1, 3), (1, 10), (5, 3), (20, 3))
        for score in ('gradient', 'random')
    },
    'warm head k=1 v=3': {LOSS: dict(type='task', warmup=60), **RATES[3]},
    'contrastive k=1 v=3': {
        LOSS: dict(type='contrastive', views=1),
        **RATES[3],
    },
    'fisher k=1 v=3': {METHOD: dict(score='fisher'), **RATES[3]},
    'activation k=1 v=3': {METHOD: dict(score='activation'), **RATES[3]},
    'network k=1 v=3': {METHOD: dict(scope='network'), **RATES[3]},
}
