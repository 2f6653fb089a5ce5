# Copyright (c) gps_seg contributors. Apache-2.0.
"""Facts that a caller of an exported model needs; stored in its file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config
from torch import nn

from gps_seg.delta import DeltaInfo

#: Key of the interface, as JSON, in the ``metadata_props`` of an ONNX file. A
#: TorchScript file has it as an extra file of this name plus ``.json``.
METADATA_KEY = 'gps_seg'
INPUT, OUTPUT = 'image', 'logits'
NUM_CHANNELS = 3


@dataclass(frozen=True, kw_only=True)
class Interface:
    """How to prepare an image for the model, and how to read its output.

    Args:
        size: Height and width of the input in pixels.
        any_batch: Whether a batch may have any number of images, or only one.
        channels: Order of the colours, ``'RGB'`` or ``'BGR'``.
        mean: Mean of each channel in that order, to be subtracted from pixel
            values in [0, 255].
        std: Standard deviation of each channel in that order, to divide by
            afterwards.
        threshold: Sigmoid of a single output channel above which a pixel
            belongs to the object; None for softmax and argmax.
        stride: Vertical and horizontal step of the sliding window, each
            window being one input; None if the input is a whole image.
        classes: Names of the classes, in the order of the output channels.
        palette: Colour (red, green, blue) of each class; may be empty.

    Raises:
        ValueError: If a size or step is below 1.

    Example:
        >>> interface = Interface(
        ...     size=(512, 512), channels='RGB',
        ...     mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375),
        ...     classes=('background', 'polyp'))
        >>> interface.shape(1)
        (1, 3, 512, 512)
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
        """The interface as text, for the file."""
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
        segmentor: Segmentor; its ``dataset_meta`` has the classes and the
            palette.
        config: Config; its data preprocessor has the normalisation, its test
            mode or test pipeline the size.
        size: Height and width in place of the config's.
        any_batch: Whether a batch may have any number of images.

    Raises:
        ValueError: If no size is given and the config has none.

    Example::

        interface = interface_of(segmentor, config, size=(512, 512))
        print(interface.to_json())
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
    """Height and width of the model's input in a test with this config.

    This is the sliding window, or else the fixed size to which the test
    pipeline resizes every image. The size in training may differ.

    Raises:
        ValueError: If there is no fixed size, as when images keep their
            aspect ratio.
    """
    test = config.model.get('test_cfg') or {}
    if test.get('mode') == 'slide':
        return tuple(test.crop_size)
    resize = _resize(_test_pipeline(config))
    if resize is None or resize.get('keep_ratio', False):
        found = 'no Resize' if resize is None else str(dict(resize))
        raise ValueError(
            'size: expected a sliding window, or a Resize without keep_ratio '
            f'in the test pipeline, got {found}, so that sizes of images '
            'differ. Give --size HEIGHT WIDTH; the config trains at '
            f'{_training_size(config)}.'
        )
    scale = resize['scale']
    width, height = (scale, scale) if isinstance(scale, int) else scale
    return height, width


def _test_pipeline(config: Config) -> Sequence[Mapping[str, Any]]:
    """Pipeline of the test set or of its inner set; else ``test_pipeline``."""
    dataset = (config.get('test_dataloader') or {}).get('dataset') or {}
    while 'pipeline' not in dataset and 'dataset' in dataset:
        dataset = dataset['dataset']
    return dataset.get('pipeline') or config.get('test_pipeline') or []


def _resize(pipeline: Sequence[Mapping[str, Any]]) -> Any:
    steps = [step for step in pipeline if step['type'] == 'Resize']
    return steps[-1] if steps else None


def _training_size(config: Config) -> Any:
    preprocessor = config.model.get('data_preprocessor') or {}
    return preprocessor.get('size') or 'various sizes'


def _normalisation(preprocessor: Mapping[str, Any]) -> dict[str, Any]:
    # MMCV reads images as BGR, and the preprocessor swaps before it scales.
    return {
        'channels': 'RGB' if preprocessor.get('bgr_to_rgb') else 'BGR',
        'mean': tuple(preprocessor.get('mean') or [0.0] * NUM_CHANNELS),
        'std': tuple(preprocessor.get('std') or [1.0] * NUM_CHANNELS),
    }
