# Copyright (c) gps_seg contributors. Apache-2.0.
"""A Vision Transformer as its authors publish it, and its forward pass.

The arrays have the names and the layout of google-research's files. The
forward pass uses them unchanged, in NumPy, so it is independent of any
conversion.
"""

import math

import numpy as np

WIDTH, HEADS, LAYERS, HIDDEN, PATCH, SIDE = 8, 2, 2, 24, 4, 3
ATTENTION = 'MultiHeadDotProductAttention_1'


def flax_arrays(seed=0):
    """Random arrays of a small model, with a head that converters drop."""
    rng = np.random.default_rng(seed)
    head_width = WIDTH // HEADS
    shapes = {
        'cls': (1, 1, WIDTH),
        'embedding/kernel': (PATCH, PATCH, 3, WIDTH),
        'embedding/bias': (WIDTH,),
        'Transformer/posembed_input/pos_embedding': (1, 1 + SIDE**2, WIDTH),
        'Transformer/encoder_norm/scale': (WIDTH,),
        'Transformer/encoder_norm/bias': (WIDTH,),
        'pre_logits/kernel': (WIDTH, WIDTH),
        'pre_logits/bias': (WIDTH,),
        'head/kernel': (WIDTH, 5),
        'head/bias': (5,),
    }
    for n in range(LAYERS):
        block = f'Transformer/encoderblock_{n}'
        for norm in ('LayerNorm_0', 'LayerNorm_2'):
            shapes[f'{block}/{norm}/scale'] = (WIDTH,)
            shapes[f'{block}/{norm}/bias'] = (WIDTH,)
        for part in ('query', 'key', 'value'):
            place = f'{block}/{ATTENTION}/{part}'
            shapes[f'{place}/kernel'] = (WIDTH, HEADS, head_width)
            shapes[f'{place}/bias'] = (HEADS, head_width)
        shapes[f'{block}/{ATTENTION}/out/kernel'] = (HEADS, head_width, WIDTH)
        shapes[f'{block}/{ATTENTION}/out/bias'] = (WIDTH,)
        for layer, ends in (('0', (WIDTH, HIDDEN)), ('1', (HIDDEN, WIDTH))):
            place = f'{block}/MlpBlock_3/Dense_{layer}'
            shapes[f'{place}/kernel'] = ends
            shapes[f'{place}/bias'] = ends[1:]
    return {
        name: rng.normal(size=shape).astype(np.float32)
        for name, shape in shapes.items()
    }


def flax_forward(arrays, image):
    """Tokens after the last block and the final norm.

    Args:
        arrays: Arrays from :func:`flax_arrays`.
        image: Image, shape (SIDE * PATCH, SIDE * PATCH, 3).

    Returns:
        Tokens, shape (1 + SIDE * SIDE, WIDTH), the class token first.
    """
    patches = image.reshape(SIDE, PATCH, SIDE, PATCH, 3)
    x = np.einsum('apbqc,pqcd->abd', patches, arrays['embedding/kernel'])
    x = x.reshape(-1, WIDTH) + arrays['embedding/bias']
    x = np.concatenate([arrays['cls'][0], x])
    x = x + arrays['Transformer/posembed_input/pos_embedding'][0]
    for n in range(LAYERS):
        block = f'Transformer/encoderblock_{n}'
        x = x + _attention(
            arrays, block, _norm(arrays, f'{block}/LayerNorm_0', x)
        )
        x = x + _mlp(arrays, block, _norm(arrays, f'{block}/LayerNorm_2', x))
    return _norm(arrays, 'Transformer/encoder_norm', x)


def _norm(arrays, name, x):
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6)
    return scaled * arrays[f'{name}/scale'] + arrays[f'{name}/bias']


def _attention(arrays, block, x):
    q, k, v = (
        np.einsum('td,dhe->the', x, arrays[f'{block}/{ATTENTION}/{p}/kernel'])
        + arrays[f'{block}/{ATTENTION}/{p}/bias']
        for p in ('query', 'key', 'value')
    )
    scores = np.einsum('the,she->hts', q, k) / math.sqrt(q.shape[-1])
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights = weights / weights.sum(-1, keepdims=True)
    mixed = np.einsum('hts,she->the', weights, v)
    kernel = arrays[f'{block}/{ATTENTION}/out/kernel']
    bias = arrays[f'{block}/{ATTENTION}/out/bias']
    return np.einsum('the,hed->td', mixed, kernel) + bias


def _mlp(arrays, block, x):
    place = f'{block}/MlpBlock_3/Dense'
    x = x @ arrays[f'{place}_0/kernel'] + arrays[f'{place}_0/bias']
    error = np.vectorize(math.erf)(x / math.sqrt(2))
    x = x * (1 + error) / 2
    return x @ arrays[f'{place}_1/kernel'] + arrays[f'{place}_1/bias']
