# Copyright (c) gps_seg contributors. Apache-2.0.
"""The labels of a data sample as an array."""

import numpy as np
import torch
from mmengine.structures import BaseDataElement


def label_array(
    labels: BaseDataElement,
) -> np.ndarray:  # shape: (height, width)
    """Labels of 8 bits.

    A model with one mask predicts in the type of its logits, which may be
    bfloat16, and NumPy has no such type.

    Args:
        labels: Label map of a sample, shape (1, height, width).
    """
    array: np.ndarray = labels.data.squeeze(0).to(torch.uint8).cpu().numpy()
    return array
