"""GPS as docs/selection.md recommends it: biases at three times the rate.

python tools/train.py configs/kvasir/gps_recommended.py --seed 0
"""

_base_ = './gps.py'

optim_wrapper = dict(
    paramwise_cfg=dict(
        _delete_=True,
        bias_lr_mult=3.0,
        # Named, so that the biases of the head keep its rate.
        custom_keys=dict(decode_head=dict(lr_mult=1.0)),
    )
)
