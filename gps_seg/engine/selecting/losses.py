# Copyright (c) gps_seg contributors. Apache-2.0.
"""Losses whose gradients select connections.

A new head is still random when connections are selected, and so are the
gradients that pass through it. The paper therefore uses a loss on the features
of the encoder, which needs no head.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gps_seg.datasets.ignored_label import ignored_label
from gps_seg.sparse.checks import check_positive, check_whole
from gps_seg.sparse.scoring.contrastive import supervised_contrastive_loss

#: What a warm-up trains: what is new in the task, or all that trains whole.
WARM = ('new', 'whole')


class SelectionLoss(Protocol):
    """A loss of one batch, differentiable in the encoder."""

    @property
    def views(self) -> int:
        """Number of augmentations of each image."""

    @property
    def warmup(self) -> int:
        """Number of steps that train the head beforehand."""

    @property
    def warm(self) -> str:
        """One of :data:`WARM`: what these steps train."""

    def of(
        self, model: nn.Module, encoder: str, batches: Sequence[Any]
    ) -> Tensor:
        """The loss; ``batches`` are the views of the same images."""


class LossTap:
    """A stand-in for the optim wrapper that only keeps the loss.

    ``train_step`` of any MMEngine model then computes the loss that training
    minimises, and updates nothing.
    """

    loss: Tensor

    def optim_context(self, model: nn.Module) -> nullcontext:
        """Nothing: the caller decides on mixed precision."""
        return nullcontext()

    def update_params(self, loss: Tensor) -> None:
        """Keep the loss instead of stepping."""
        self.loss = loss


@dataclass(frozen=True, kw_only=True)
class TaskLoss:
    """The loss that training minimises.

    Args:
        warmup: Number of steps that train everything outside the encoder,
            and what a method attaches for the choice, before the gradients
            are computed; undone afterwards.
        warm: ``'new'`` for that alone, at constant rates in float32, or
            ``'whole'`` for all that trains whole under the method, such as
            the encoder's biases, too; their rates then fall along a cosine,
            in the precision of the training.

    Raises:
        TypeError: If ``warmup`` is not an integer.
        ValueError: If it is negative, or ``warm`` is unknown or without
            steps.
    """

    warmup: int = 0
    warm: str = 'new'
    views = 1

    def __post_init__(self) -> None:
        check_whole('warmup', self.warmup, least=0)
        if self.warm not in WARM:
            raise ValueError(
                f'warm: expected one of {WARM}, got {self.warm!r}.'
            )
        if self.warm != 'new' and not self.warmup:
            raise ValueError(
                'warmup: expected the number of steps for '
                f'warm={self.warm!r}, got 0. Add warmup=60.'
            )

    def of(
        self, model: nn.Module, encoder: str, batches: Sequence[Any]
    ) -> Tensor:
        """The loss of the model's own ``train_step``."""
        tap = LossTap()
        model.train_step(batches[0], tap)
        return tap.loss


@dataclass(frozen=True, kw_only=True)
class ContrastiveLoss:
    """Supervised contrastive loss on the features of the encoder.

    For a classifier a sample is an image, and its feature is the input of the
    head. For a segmentor a sample is a pixel of the encoder's last feature
    map, with the class of the label there. Each process compares only its own
    samples.

    Args:
        temperature: Divisor of the similarities, above 0.
        views: Number of augmentations of each image, 1 or more.
        pixels: Number of pixels drawn from each class in each image; for
            segmentors.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range.
    """

    temperature: float = 0.07
    views: int = 2
    pixels: int = 32
    warmup = 0
    warm = 'new'

    def __post_init__(self) -> None:
        check_positive('temperature', self.temperature)
        check_whole('views', self.views, least=1)
        check_whole('pixels', self.pixels, least=1)

    def of(
        self, model: nn.Module, encoder: str, batches: Sequence[Any]
    ) -> Tensor:
        """The loss over the samples of all views together."""
        views = [self._samples(model, encoder, batch) for batch in batches]
        features = torch.cat([features for features, _ in views])
        labels = torch.cat([labels for _, labels in views])
        return supervised_contrastive_loss(features, labels, self.temperature)

    def _samples(
        self, model: nn.Module, encoder: str, batch: Any
    ) -> tuple[Tensor, Tensor]:  # shapes: (samples, channels), (samples,)
        is_segmentor = 'gt_sem_seg' in batch['data_samples'][0]
        # In training mode the preprocessor of a classifier may mix images and
        # labels; that of a segmentor pads images of unequal sizes.
        data = model.data_preprocessor(batch, training=is_segmentor)
        samples = data['data_samples']
        if is_segmentor:
            (*_, features) = getattr(model, encoder)(data['inputs'])
            labels = [sample.gt_sem_seg.data for sample in samples]
            return draw_pixels(
                features,
                torch.stack(labels),
                self.pixels,
                ignored_label(model),
            )
        features = _vectors(model.extract_feat(data['inputs']))
        labels = [sample.gt_label.view(1) for sample in samples]
        return features, torch.cat(labels).to(features.device)


def _vectors(features: Any) -> Tensor:  # shape: (images, channels)
    """One vector per image, from the outputs of MMPretrain's models."""
    while not isinstance(features, Tensor):
        features = features[-1]
    return features.flatten(2).mean(2) if features.ndim == 4 else features


def draw_pixels(
    features: Tensor,  # shape: (images, channels, height, width)
    labels: Tensor,  # shape: (images, 1, height', width'), integers
    number: int,
    ignored: int,
) -> tuple[Tensor, Tensor]:  # shapes: (samples, channels), (samples,)
    """Draw up to ``number`` random pixels of each class in each image.

    Returns:
        Features and classes of the pixels.

    Raises:
        ValueError: If every pixel is ignored.
    """
    nearest = F.interpolate(labels.float(), features.shape[2:]).long()
    vectors, classes = [], []
    for image, label in zip(features, nearest.flatten(1), strict=True):
        columns = image.flatten(1)
        for value in label.unique().tolist():
            if value == ignored:
                continue
            places = (label == value).nonzero().flatten()
            drawn = places[torch.randperm(len(places))[:number]]
            vectors.append(columns[:, drawn].T)
            classes.append(label[drawn])
    if not vectors:
        raise ValueError(
            'labels: expected pixels of some class, got a batch in which all '
            f'pixels are ignored ({ignored}). Check the labels.'
        )
    return torch.cat(vectors), torch.cat(classes)


#: Losses by their name in a config.
SELECTION_LOSSES: Mapping[str, Callable[..., SelectionLoss]] = {
    'task': TaskLoss,
    'contrastive': ContrastiveLoss,
}
