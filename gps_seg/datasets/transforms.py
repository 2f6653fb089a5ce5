# Copyright (c) gps_seg contributors. Apache-2.0.
"""Albumentations that obey MMEngine's seed and refuse what they ignore."""

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

    Albumentations 2 draws from generators of its own, seeded from the
    operating system, so a run with a fixed seed still differed from its
    repetition. Here each call takes one seed from NumPy's global generator,
    which MMEngine seeds in every worker process.

    Arguments that Albumentations 2 would ignore with a warning (``var_limit``
    of ``GaussNoise``, say, which an earlier version had) are errors.

    Args:
        transforms: Transforms in order, each a dict with a ``type``.
        **kwargs: As for mmseg's ``Albu``.

    Raises:
        ValueError: If Albumentations lacks a transform or one of its
            arguments.
    """

    def albu_builder(self, cfg: dict) -> object:
        """Build one transform, or a container with those inside it."""
        name = cfg['type']
        if isinstance(name, str) and not hasattr(albumentations, name):
            raise ValueError(
                'ReproducibleAlbu: expected a transform of Albumentations '
                f"{albumentations.__version__}, got '{name}'. It may have "
                'been renamed since the version you know.'
            )
        with warnings.catch_warnings():
            # Below it becomes an error that names the transform's own class;
            # the warning names the base class for transforms without options.
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
        # One pair of generators for all transforms. Compose.set_random_seed
        # gives each transform its own, all with the same seed: then every
        # transform with p=0.5 is applied to the same samples.
        self.aug.set_random_state(
            np.random.default_rng(seed), random.Random(seed)
        )
        return super().transform(results)
