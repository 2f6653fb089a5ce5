# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a caller of an exported model must know; it goes into the file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config
from torch import nn

from gps_seg.delta import DeltaInfo

#: Name of the entry in ONNX ``metadata_props`` that holds the interface as
#: JSON. In TorchScript it is the extra file of this name and ``.json``.
METADATA_KEY = 'gps_seg'
INPUT, OUTPUT = 'image', 'logits'
NUM_CHANNELS = 3


@dataclass(frozen=True, kw_only=True)
class Interface:
    """How an image becomes the input, and what the output means.

    Args:
        size: Height and width of the input in pixels.
        any_batch: Whether any number of images goes in at once; else one.
        channels: ``'RGB'`` or ``'BGR'``: the order of the colours.
        mean: Mean of each channel in that order, to be subtracted from pixel
            values in [0, 255].
        std: Deviation of each channel in that order, to divide by after that.
        threshold: Sigmoid of a single output channel above which a pixel
            belongs to the object. None: softmax, argmax.
        stride: Vertical and horizontal steps of the sliding window by which
            the config tests, each window being one input; None if an image
            is one input.
        classes: Names, in the order of the output channels.
        palette: A colour (red, green, blue) per class, or none.

    Raises:
        ValueError: If a size or step is not 1 or more.
    """

    size: tuple[int, int]
    any_batch: bool = False
    channels: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    threshold: float | None = None
    stride: tuple[int, int] | None = None
    classes: tuple[str, ...] = ()
    palette: tuple[tuple[int, int, int], ...] = ()

    def __post_init__(self) -> None:
        for name in ('size', 'stride'):
            pair = getattr(self, name)
            if pair is not None and (len(pair) != 2 or min(pair) < 1):
                raise ValueError(
                    f'{name}: expected height and width of 1 or more, got '
                    f'{pair}.'
                )

    def shape(self, batch: int) -> tuple[int, int, int, int]:
        """Shape of an input of ``batch`` images."""
        return (batch, NUM_CHANNELS, *self.size)

    def to_json(self) -> str:
        """The text that goes into the file."""
        batch = 'any' if self.any_batch else 1
        record = {
            'input': {
                'name': INPUT,
                'dtype': 'float32',
                'shape': [batch, *self.shape(1)[1:]],
                'channels': self.channels,
                'formula': '(pixel in [0, 255] - mean) / std',
                'mean': self.mean,
                'std': self.std,
                'stride': self.stride,
            },
            'output': {
                'name': OUTPUT,
                'dtype': 'float32',
                'shape': [batch, 'channels', *self.size],
                'activation': 'softmax'
                if self.threshold is None
                else 'sigmoid',
                'threshold': self.threshold,
            },
            'classes': self.classes,
            'palette': self.palette,
            'versions': DeltaInfo().versions,
        }
        return json.dumps(record)


def interface_of(
    segmentor: nn.Module,
    config: Config,
    size: Sequence[int] | None = None,
    any_batch: bool = False,
) -> Interface:
    """The interface of a segmentor that was built from a config.

    Args:
        segmentor: Its ``dataset_meta`` has the classes and the palette.
        config: Its data preprocessor tells the normalisation; its test mode
            or test pipeline the size.
        size: Height and width, instead of the config's.
        any_batch: As of :class:`Interface`.

    Raises:
        ValueError: If no size is given and the config has none.
    """
    meta = getattr(segmentor, 'dataset_meta', None) or {}
    head, test = segmentor.decode_head, config.model.get('test_cfg') or {}
    return Interface(
        size=tuple(size or default_size(config)),
        any_batch=any_batch,
        threshold=head.threshold if head.out_channels == 1 else None,
        stride=tuple(test.stride) if test.get('mode') == 'slide' else None,
        classes=tuple(meta.get('classes') or ()),
        palette=tuple(map(tuple, meta.get('palette') or ())),
        **_normalisation(config.model.get('data_preprocessor') or {}),
    )


def default_size(config: Config) -> tuple[int, int]:
    """Height and width of what enters the model when the config tests.

    That is the sliding window, or else the fixed size to which the pipeline
    of the test set brings every image. The size of the training is neither.

    Raises:
        ValueError: If there is no fixed size, as of images that keep their
            shape.
    """
    test = config.model.get('test_cfg') or {}
    if test.get('mode') == 'slide':
        return tuple(test.crop_size)
    resize = _resize(_test_pipeline(config))
    if resize is None or resize.get('keep_ratio', False):
        raise ValueError(
            'size: expected a sliding window, or a Resize without keep_ratio '
            f'in the test pipeline, got {dict(resize or {})}, so that images '
            'differ in size. Give --size HEIGHT WIDTH; the config trains at '
            f'{_training_size(config)}.'
        )
    scale = resize['scale']
    width, height = (scale, scale) if isinstance(scale, int) else scale
    return height, width


def _test_pipeline(config: Config) -> Sequence[Mapping[str, Any]]:
    """Of the test set, inside of its wrappers; else that for inference."""
    dataset = (config.get('test_dataloader') or {}).get('dataset') or {}
    while 'pipeline' not in dataset and 'dataset' in dataset:
        dataset = dataset['dataset']
    return dataset.get('pipeline') or config.get('test_pipeline') or []


def _resize(pipeline: Sequence[Mapping[str, Any]]) -> Any:
    steps = [step for step in pipeline if step['type'] == 'Resize']
    return steps[-1] if steps else None


def _training_size(config: Config) -> Any:
    preprocessor = config.model.get('data_preprocessor') or {}
    return preprocessor.get('size') or 'sizes of its own'


def _normalisation(preprocessor: Mapping[str, Any]) -> dict[str, Any]:
    # MMCV reads images as BGR, and the preprocessor swaps before it scales.
    return {
        'channels': 'RGB' if preprocessor.get('bgr_to_rgb') else 'BGR',
        'mean': tuple(preprocessor.get('mean') or [0.0] * NUM_CHANNELS),
        'std': tuple(preprocessor.get('std') or [1.0] * NUM_CHANNELS),
    }
