# Copyright (c) gps_seg contributors. Apache-2.0.
"""Load a mask as people have it, and make classes of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from gps_seg.datasets.conversion.pair_checks import check_size
from gps_seg.datasets.conversion.problems import PairError
from gps_seg.datasets.own_folder.masks.files import read_mask
from gps_seg.datasets.own_folder.masks.rules import apply_rule, check_rule


@TRANSFORMS.register_module()
class LoadMask(BaseTransform):
    """Load ``seg_map_path`` and apply a rule, in place of ``LoadAnnotations``.

    In a test pipeline it comes after ``Resize``, so that scores are taken at
    the size of the file. An image without a mask passes: inference runs the
    test pipeline on such images.

    Args:
        rule: Rule as :func:`look` finds it, such as ``dict(kind='threshold',
            above=127)``.

    Raises:
        ValueError: If the rule is none; if a mask cannot be decoded, differs
            from its image in size, or holds a value or a colour that the rule
            does not name; names the file.

    Example::

        train_pipeline = [
            dict(type='LoadImageFromFile'),
            dict(type='LoadMask', rule=dict(kind='threshold', above=127)),
        ]
    """

    def __init__(self, rule: Mapping[str, Any]) -> None:
        check_rule(rule)
        self.rule = dict(rule)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``gt_seg_map``, shape (height, width), uint8.

        Args:
            results: Sample with ``seg_map_path`` and ``seg_fields``, and
                ``ori_shape`` once its image is loaded, or ``full_shape`` if
                ``LimitPixels`` has shrunk it.
        """
        path = results.get('seg_map_path')
        if path is None:
            return results
        try:
            mask = read_mask(Path(path).read_bytes())
            size = results.get('full_shape', results.get('ori_shape'))
            if size is not None:
                check_size(mask.pixels, size)
            labels = apply_rule(self.rule, mask)
        except PairError as problem:
            raise ValueError(f'{path}: {problem}.') from problem
        results['gt_seg_map'] = labels
        results['seg_fields'].append('gt_seg_map')
        return results

    def __repr__(self) -> str:
        """Name of the class and the rule."""
        return f'LoadMask(rule={self.rule})'
