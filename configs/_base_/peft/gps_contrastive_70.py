"""As gps_contrastive.py, with views of 70 x 70 pixels, 64 images a batch."""

_base_ = ['./gps_contrastive.py']

custom_hooks = [
    dict(
        _base_.custom_hooks[0],
        batch_size=64,
        pipeline=[
            dict(transform, scale=70)
            if transform['type'] == 'RandomResizedCrop'
            else transform
            for transform in _base_.custom_hooks[0]['pipeline']
        ],
    )
]
