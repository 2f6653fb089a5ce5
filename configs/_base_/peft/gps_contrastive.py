"""GPS as in the paper: selected by a contrastive loss that needs no head.

The two views of an image are crops of it in changed colours, whatever the
training looks at.
"""

custom_hooks = [
    dict(
        type='PeftHook',
        method=dict(type='gps', k=1),
        loss=dict(type='contrastive', temperature=0.07),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='RandomResizedCrop', scale=224, backend='pillow'),
            dict(type='RandomFlip', prob=0.5, direction='horizontal'),
            dict(
                type='RandomApply',
                prob=0.8,
                transforms=[
                    dict(
                        type='ColorJitter',
                        brightness=0.4,
                        contrast=0.4,
                        saturation=0.4,
                        hue=0.1,
                        # Its backend of Pillow warns of every image.
                        backend='cv2',
                    )
                ],
            ),
            dict(
                type='RandomGrayscale',
                prob=0.2,
                keep_channels=True,
                channel_weights=(0.114, 0.587, 0.299),  # blue, green, red
            ),
            dict(type='PackInputs'),
        ],
    )
]
