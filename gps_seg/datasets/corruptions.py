# Copyright (c) gps_seg contributors. Apache-2.0.
"""Images as a worse camera would have taken them, to test models on.

The idea is that of ImageNet-C (Hendrycks and Dietterich, Benchmarking Neural
Network Robustness to Common Corruptions and Perturbations, ICLR 2019): some
kinds of damage, each in five severities, that no model was trained on. The
strengths here are not theirs, so scores are comparable with nothing but scores
on the same copies.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

SEVERITIES = (1, 2, 3, 4, 5)


class Corruption(NamedTuple):
    """One kind of damage.

    Args:
        apply: Function of an image, shape (height, width, 3), uint8, of a
            strength and of the name of the image's file; returns the damaged
            image.
        strengths: Strength of each severity, the mildest first.
    """

    apply: Callable[[np.ndarray, float, str], np.ndarray]
    strengths: tuple[float, ...]


def _blur(image: np.ndarray, share: float, _: str) -> np.ndarray:
    sigma = share * min(image.shape[:2])
    return cv2.GaussianBlur(image, (0, 0), sigma)


def _noise(image: np.ndarray, deviation: float, name: str) -> np.ndarray:
    generator = np.random.default_rng(list(name.encode()))
    noise = generator.normal(0, 255 * deviation, image.shape)
    return _as_pixels(image + noise)


def _gain(image: np.ndarray, factor: float, _: str) -> np.ndarray:
    return _as_pixels(factor * image)


def _contrast(image: np.ndarray, factor: float, _: str) -> np.ndarray:
    mean = image.mean(axis=(0, 1))
    return _as_pixels(mean + factor * (image - mean))


def _jpeg(image: np.ndarray, quality: float, _: str) -> np.ndarray:
    settings = [cv2.IMWRITE_JPEG_QUALITY, int(quality)]
    _, encoded = cv2.imencode('.jpg', image, settings)
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR)


def _as_pixels(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


#: The kinds of damage by their names.
CORRUPTIONS: Mapping[str, Corruption] = MappingProxyType(
    {
        'blur': Corruption(_blur, (0.004, 0.008, 0.012, 0.018, 0.026)),
        'noise': Corruption(_noise, (0.05, 0.10, 0.16, 0.23, 0.32)),
        'brightness': Corruption(_gain, (1.15, 1.35, 1.6, 1.9, 2.3)),
        'darkness': Corruption(_gain, (0.7, 0.5, 0.35, 0.25, 0.18)),
        'contrast': Corruption(_contrast, (0.75, 0.55, 0.4, 0.27, 0.16)),
        'jpeg': Corruption(_jpeg, (30, 20, 13, 9, 6)),
    }
)


@TRANSFORMS.register_module()
class Corrupt(BaseTransform):
    """Damage an image by a fixed amount; its labels stay.

    It comes right after ``LoadImageFromFile``, so that the damage is done at
    the size of the file. An image is damaged in the same way in every run and
    for every model: noise is drawn by the name of the file.

    ============  ==================================  =========================
    kind          strength                            severities 1 to 5
    ============  ==================================  =========================
    `blur`        deviation of a Gaussian kernel, as  0.4, 0.8, 1.2, 1.8, 2.6
                  percent of the shorter side
    `noise`       deviation of normal noise, as       5, 10, 16, 23, 32
                  percent of white; each channel has
                  its own
    `brightness`  factor of all values                1.15, 1.35, 1.6, 1.9, 2.3
    `darkness`    factor of all values                .7, .5, .35, .25, .18
    `contrast`    factor of the distance to the mean  .75, .55, .4, .27, .16
                  colour of the image
    `jpeg`        quality of one more compression     30, 20, 13, 9, 6
    ============  ==================================  =========================

    Values are rounded and clipped to 0..255.

    Args:
        kind: Kind of damage; one of the table.
        severity: Severity, from 1 (mild) to 5 (hard, but a person can still
            read the image).

    Raises:
        ValueError: If there is no such kind or severity.

    Example:
        In a config: ``dict(type='Corrupt', kind='blur', severity=3)``.

        >>> sample = {'img': np.full((4, 6, 3), 100, np.uint8), 'img_path': ''}
        >>> darker = Corrupt('darkness', severity=1).transform(sample)
        >>> int(darker['img'].max())
        70
    """

    def __init__(self, kind: str, severity: int) -> None:
        if kind not in CORRUPTIONS:
            raise ValueError(
                f'Corrupt: expected kind among {", ".join(CORRUPTIONS)}, got '
                f'{kind!r}.'
            )
        if severity not in SEVERITIES:
            raise ValueError(
                'Corrupt: expected severity among '
                f'{", ".join(map(str, SEVERITIES))}, got {severity!r}.'
            )
        self.kind = kind
        self.severity = severity

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Damage the image of one sample.

        Args:
            results: Sample with ``img``, shape (height, width, 3), uint8, and
                ``img_path``, the path of its file.
        """
        corruption = CORRUPTIONS[self.kind]
        strength = corruption.strengths[SEVERITIES.index(self.severity)]
        name = Path(results['img_path']).name
        damaged = corruption.apply(results['img'], strength, name)
        return {**results, 'img': damaged}

    def __repr__(self) -> str:
        """Name of the class, the kind and the severity."""
        return f'Corrupt(kind={self.kind!r}, severity={self.severity})'
