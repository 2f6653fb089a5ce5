# Copyright (c) gps_seg contributors. Apache-2.0.
"""Three tasks on the small segmentor, one of which adds modules."""

import copy

import numpy as np
import torch
from added_tasks import QKV, plan_of_kind, tune_by_adding
from mmengine.config import Config
from small_segmentor import info_of, tuned_state, write_config

from gps_seg.delta import extract
from gps_seg.engine import build_base
from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmseg.apis import inference_model  # noqa: E402

NAMES = ('one', 'two', 'low_rank')
BIAS = 'decode_head.conv_seg.bias'


def write_tasks(folder):
    """Write the config and a delta for each name; paths of the deltas."""
    config = Config.fromfile(write_config(folder))
    base = build_base(config)
    encoder = {
        name: tensor
        for name, tensor in base.state_dict().items()
        if name.startswith('backbone.')
    }
    paths = [folder / f'{name}.safetensors' for name in NAMES]
    for seed, path in enumerate(paths, 1):
        model = copy.deepcopy(base)
        added = []
        model.load_state_dict(tuned_state(config, seed)[1])
        if path.stem == 'low_rank':
            model, added = _with_low_rank(model)
        state = balanced(model, random_images(4))
        info = info_of(config, added=added, method={'type': path.stem})
        extract(encoder, state, info).save(path)
    return paths


def _with_low_rank(model):
    width = model.state_dict()[QKV.format(0)].shape[1]
    plan = plan_of_kind('low_rank', width).to_json()
    return tune_by_adding(model, 'low_rank'), plan


def balanced(model, images):
    """The weights with a bias of the head that gives both classes."""
    model.cfg = copy.deepcopy(model.cfg)
    scores = [
        inference_model(model, image[..., ::-1].copy()).seg_logits.data
        for image in images
    ]
    gap = torch.cat([(s[1] - s[0]).flatten() for s in scores]).median()
    state = copy.deepcopy(model.state_dict())
    state[BIAS][0] += gap
    return state


def random_images(number, size=(40, 56)):
    """Blobs of colour; RGB, uint8."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (number, 5, 7, 3), dtype=np.uint8)
    tall, wide = size[0] // 5, size[1] // 7
    return list(coarse.repeat(tall, axis=1).repeat(wide, axis=2))
