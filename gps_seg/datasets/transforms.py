# Copyright (c) gps_seg contributors. Apache-2.0.
"""Albumentations that follow MMEngine's seed and refuse unknown arguments."""

import inspect
import random
import warnings
from typing import Any

import albumentations
import numpy as np
from mmseg.datasets.transforms import Albu
from mmseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ReproducibleAlbu(Albu):
    """MMSegmentation's ``Albu`` as a function of NumPy's global generator.

    Albumentations 2 has generators of its own, which the operating system
    seeds. So two runs with the same seed still differ. Here each call takes
    one seed from NumPy's global generator, which MMEngine seeds in every
    worker process.

    Arguments that Albumentations 2 ignores with a warning are errors, such as
    ``var_limit`` of ``GaussNoise``, which an earlier version had.

    Args:
        transforms: Transforms in order, each a dict with a ``type``.
        **kwargs: Arguments of mmseg's ``Albu``.

    Raises:
        ValueError: If Albumentations lacks a transform or one of its
            arguments.

    Example:
        >>> flip = ReproducibleAlbu([dict(type='HorizontalFlip', p=1.0)])
        >>> image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
        >>> flipped = flip.transform({'img': image})['img']
        >>> bool((flipped == image[:, ::-1]).all())
        True
    """

    def albu_builder(self, cfg: dict) -> object:
        """Build one transform, or a container along with its transforms."""
        name = cfg['type']
        if isinstance(name, str) and not hasattr(albumentations, name):
            raise ValueError(
                'ReproducibleAlbu: expected a transform of Albumentations '
                f'{albumentations.__version__}, got {name!r}. Other versions '
                'may have it under another name.'
            )
        with warnings.catch_warnings():
            # The warning may name a base class; the error below names the
            # transform's own class.
            warnings.filterwarnings(
                'ignore', message='.*not valid for transform'
            )
            built = super().albu_builder(cfg)
        ignored = getattr(built, 'invalid_args', [])
        if ignored:
            known = sorted(set(inspect.signature(type(built)).parameters))
            raise ValueError(
                f'{type(built).__name__}: expected arguments among '
                f'{", ".join(known)}, got {", ".join(ignored)}, which '
                f'Albumentations {albumentations.__version__} would ignore. '
                'Rename or remove them.'
            )
        return built

    def transform(self, results: dict) -> dict[str, Any]:
        """Augment one sample.

        Args:
            results: Sample with ``img``, shape (height, width, 3), BGR uint8,
                and, in training, ``gt_seg_map``, shape (height, width), uint8.
        """
        seed = int(np.random.randint(2**32, dtype=np.uint32))
        # All transforms share one pair of generators. Compose.set_random_seed
        # would give each its own with the same seed: then all transforms with
        # p=0.5 would be applied to the same samples.
        self.aug.set_random_state(
            np.random.default_rng(seed), random.Random(seed)
        )
        return super().transform(results)
