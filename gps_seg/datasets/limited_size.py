# Copyright (c) gps_seg contributors. Apache-2.0.
"""Score huge images at a size whose logits fit into the memory."""

import math

import mmcv
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LimitPixels(BaseTransform):
    """Shrink an image with more pixels than a limit; after loading it.

    MMSegmentation resizes the logits of all classes to the size of the image.
    Its ``ori_shape`` becomes the smaller size, so that predictions have it,
    too. ``MaskAtImageSize`` brings the mask to it.

    Args:
        most: Largest number of pixels, 1 or more.

    Raises:
        ValueError: If ``most`` is below 1.

    Example:
        >>> import numpy as np
        >>> image = np.zeros((200, 400, 3), np.uint8)
        >>> results = {'img': image, 'ori_shape': (200, 400)}
        >>> LimitPixels(most=20_000).transform(results)['ori_shape']
        (100, 200)
    """

    def __init__(self, most: int) -> None:
        if most < 1:
            raise ValueError(f'most: expected 1 or more, got {most}.')
        self.most = most

    def transform(self, results: dict) -> dict:
        """Shrink ``img``; its own size stays as ``full_shape``."""
        height, width = results['img'].shape[:2]
        scale = math.sqrt(self.most / (height * width))
        if scale < 1:
            # A side of less than one pixel becomes one; the other makes up.
            height = max(1, min(int(height * scale), self.most))
            width = max(1, min(int(width * scale), self.most // height))
            results['img'] = mmcv.imresize(
                results['img'], (width, height), interpolation='area'
            )
            results['full_shape'] = results['ori_shape']
            results['img_shape'] = results['ori_shape'] = (height, width)
        return results


@TRANSFORMS.register_module()
class MaskAtImageSize(BaseTransform):
    """Bring a mask to the size at which its image is scored.

    It follows the transform that loads the mask, if ``LimitPixels`` may have
    shrunk the image. Each pixel takes the class of the nearest one.

    Example:
        >>> import numpy as np
        >>> mask = np.zeros((200, 400), np.uint8)
        >>> results = {'gt_seg_map': mask, 'ori_shape': (100, 200)}
        >>> MaskAtImageSize().transform(results)['gt_seg_map'].shape
        (100, 200)
    """

    def transform(self, results: dict) -> dict:
        """Resize ``gt_seg_map`` to ``ori_shape``."""
        height, width = results['ori_shape'][:2]
        if results['gt_seg_map'].shape[:2] != (height, width):
            results['gt_seg_map'] = mmcv.imresize(
                results['gt_seg_map'],
                (width, height),
                interpolation='nearest',
                backend='cv2',
            )
        return results
