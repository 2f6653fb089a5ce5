# Copyright (c) gps_seg contributors. Apache-2.0.
"""The part of a segmentor that is exported: a plain function of tensors."""

from mmseg.models.segmentors import EncoderDecoder
from torch import Tensor, nn


class ImageToLogits(nn.Module):
    """A segmentor as a function from normalised images to logits.

    It is what ``EncoderDecoder.encode_decode`` computes: encoder, head, and
    the head's own way to resize its output to the size of the input. That is
    all of ``predict`` in whole mode, and one window of it in slide mode. The
    activation is left to the caller.

    Args:
        segmentor: In evaluation mode.
        size: Height and width of the input; fixed, so that what depends on
            it is a constant of the exported model.

    Raises:
        TypeError: If it is no EncoderDecoder.
        ValueError: If it is in training mode.
    """

    def __init__(self, segmentor: nn.Module, size: tuple[int, int]) -> None:
        super().__init__()
        if not isinstance(segmentor, EncoderDecoder):
            raise TypeError(
                'segmentor: expected an EncoderDecoder of MMSegmentation, got '
                f'{type(segmentor).__name__}. Others cannot be exported.'
            )
        if segmentor.training:
            raise ValueError(
                'segmentor: expected evaluation mode, got training mode. '
                'Call eval() first.'
            )
        self.segmentor = segmentor
        self.meta = {
            'img_shape': size,
            'ori_shape': size,
            'pad_shape': size,
            'padding_size': [0, 0, 0, 0],
        }
        self.eval()

    def forward(
        self,
        image: Tensor,  # shape: (batch, 3, height, width)
    ) -> Tensor:  # shape: (batch, channels, height, width)
        """Logits of every pixel."""
        # Heads read the sizes of the first image alone.
        return self.segmentor.encode_decode(image, [self.meta])
