# Copyright (c) gps_seg contributors. Apache-2.0.
"""Damaged copies are as their table says, and the same for every model."""

import io

import numpy as np
import pytest
from mmseg.registry import TRANSFORMS
from PIL import Image

from gps_seg.datasets import Corrupt

KINDS = ['blur', 'noise', 'brightness', 'darkness', 'contrast', 'jpeg']
# The table of the docstring.
BLUR = [0.004, 0.008, 0.012, 0.018, 0.026]
NOISE = [0.05, 0.10, 0.16, 0.23, 0.32]
BRIGHTNESS = [1.15, 1.35, 1.6, 1.9, 2.3]
DARKNESS = [0.7, 0.5, 0.35, 0.25, 0.18]
CONTRAST = [0.75, 0.55, 0.4, 0.27, 0.16]
JPEG = [30, 20, 13, 9, 6]


def picture(height=48, width=64):
    """A smooth picture with some texture."""
    rows, columns = np.mgrid[:height, :width]
    waves = [
        np.sin(rows / 5 + c) + np.cos(columns / (7 + c)) for c in range(3)
    ]
    return (110 + 40 * np.stack(waves, axis=2)).astype(np.uint8)


def damaged(kind, severity, image=None, path='folder/a.jpg'):
    image = picture() if image is None else image
    sample = {'img': image, 'img_path': path}
    return Corrupt(kind, severity)(sample)['img']


def levels(strengths):
    return pytest.mark.parametrize(
        ('severity', 'strength'), list(enumerate(strengths, start=1))
    )


def clipped(values):
    return np.clip(np.round(values), 0, 255)


@levels(BLUR)
def test_blur_is_a_gaussian_of_the_shorter_side(severity, strength):
    image = np.zeros((500, 700, 3), np.uint8)
    image[200:, :] = 200
    # An edge becomes the normal distribution function of that deviation.
    profile = damaged('blur', severity, image)[:, 350, 0].astype(float)
    density = np.diff(profile) / 200
    at = np.arange(density.size) + 0.5
    mean = (density * at).sum()
    deviation = np.sqrt((density * (at - mean) ** 2).sum())
    # Values are rounded, and the kernel is cut off at a few deviations.
    assert deviation == pytest.approx(strength * 500, rel=0.05)


@levels(NOISE)
def test_noise_has_its_deviation_in_each_channel(severity, strength):
    image = np.full((200, 300, 3), 128, np.uint8)
    noise = damaged('noise', severity, image).astype(float) - 128
    kept = np.abs(noise) < 120  # the others are clipped
    wide = np.random.default_rng(1).normal(0, 255 * strength, 500_000)
    expected = wide[np.abs(wide) < 120].std()
    assert noise[kept].std() == pytest.approx(expected, rel=0.01)
    channels = noise.reshape(-1, 3).T
    assert np.abs(np.corrcoef(channels) - np.eye(3)).max() < 0.03


@levels(BRIGHTNESS)
def test_brightness_multiplies(severity, strength):
    expected = clipped(picture() * strength)
    assert np.array_equal(damaged('brightness', severity), expected)


@levels(DARKNESS)
def test_darkness_multiplies(severity, strength):
    expected = clipped(picture() * strength)
    assert np.array_equal(damaged('darkness', severity), expected)


@levels(CONTRAST)
def test_contrast_pulls_towards_the_mean_colour(severity, strength):
    image = picture().astype(float)
    mean = image.mean((0, 1))
    expected = clipped(strength * image + (1 - strength) * mean)
    found = damaged('contrast', severity)
    # The two orders of the sum may round to either side.
    assert np.abs(found - expected).max() <= 1
    assert (found != expected).mean() < 0.001


@levels(JPEG)
def test_jpeg_is_one_more_compression_of_that_quality(severity, strength):
    buffer = io.BytesIO()
    Image.fromarray(picture()[..., ::-1]).save(
        buffer, format='JPEG', quality=strength
    )
    expected = np.asarray(Image.open(buffer))[..., ::-1]
    found = damaged('jpeg', severity).astype(float)
    # Two decoders differ by a few values.
    assert np.abs(found - expected).mean() < 1.5
    assert np.abs(found - picture()).mean() > 1.5


@pytest.mark.parametrize('kind', KINDS)
def test_each_severity_is_further_from_the_image(kind):
    image = picture(300, 400)
    away = [
        np.abs(damaged(kind, severity, image).astype(float) - image).mean()
        for severity in (1, 2, 3, 4, 5)
    ]
    assert away == sorted(away)
    assert away[0] > 0


@pytest.mark.parametrize('kind', KINDS)
def test_only_the_image_is_changed_and_not_in_place(kind):
    image, labels = picture(), np.eye(48, 64, dtype=np.uint8)
    sample = {'img': image, 'img_path': 'a.jpg', 'gt_seg_map': labels}
    result = Corrupt(kind, 5)(sample)
    assert result['gt_seg_map'] is labels
    assert np.array_equal(labels, np.eye(48, 64))
    assert np.array_equal(image, picture())
    assert result.keys() == sample.keys()
    assert result['img'].shape == image.shape
    assert result['img'].dtype == np.uint8


@pytest.mark.parametrize('kind', KINDS)
def test_a_copy_depends_on_the_name_of_the_file_alone(kind):
    first = damaged(kind, 3, path='here/a.jpg')
    np.random.seed(9)
    assert np.array_equal(first, damaged(kind, 3, path='/else/where/a.jpg'))
    other = damaged(kind, 3, path='here/b.jpg')
    assert np.array_equal(first, other) is (kind != 'noise')


def test_noise_is_the_same_on_every_machine():
    image = np.full((1, 2, 3), 128, np.uint8)
    name = [*b'a.jpg']
    drawn = np.random.default_rng(name).standard_normal((1, 2, 3))
    expected = clipped(128 + 0.16 * 255 * drawn)
    assert np.array_equal(damaged('noise', 3, image), expected)


def test_is_registered():
    built = TRANSFORMS.build(
        {'type': 'Corrupt', 'kind': 'jpeg', 'severity': 2}
    )
    assert repr(built) == "Corrupt(kind='jpeg', severity=2)"


def test_unknown_kind():
    with pytest.raises(
        ValueError, match=f"kind among {', '.join(KINDS)}, got 'fog'"
    ):
        Corrupt('fog', 1)


@pytest.mark.parametrize('severity', [0, 6, 2.5, '3'])
def test_unknown_severity(severity):
    with pytest.raises(ValueError, match='among 1, 2, 3, 4, 5, got'):
        Corrupt('blur', severity)
