"""An image classifier whose head is one linear layer.

The head begins with small random weights, not with the zeros of MMPretrain's
``VisionTransformerClsHead``: a head of zeros sends no gradient back, and the
task loss could select nothing.
"""

model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(
        type='ClsDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
    head=dict(type='LinearClsHead', loss=dict(type='CrossEntropyLoss')),
)
