# Copyright (c) gps_seg contributors. Apache-2.0.
"""One image through a segmentor, as MMSegmentation's own call does it."""

import numpy as np
import torch
from mmseg.apis import inference_model
from mmseg.structures import SegDataSample
from torch import nn


def segment(
    model: nn.Module,
    image: np.ndarray,  # shape: (height, width, 3)
) -> SegDataSample:
    """Predict labels and logits of an image, at its size.

    Args:
        model: Segmentor in evaluation mode, with its config.
        image: RGB, uint8.

    Raises:
        ValueError: If it is no such array.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            'image: expected an array of uint8 of shape (height, width, 3), '
            f'got {image.dtype} of shape {image.shape}.'
        )
    # MMSegmentation reads files as BGR, so its pipelines expect that.
    bgr = np.ascontiguousarray(image[..., ::-1])
    with torch.inference_mode():
        return inference_model(model, bgr)
