# Copyright (c) gps_seg contributors. Apache-2.0.
"""The exported part of a segmentor: a plain function of tensors."""

from mmseg.models.segmentors import EncoderDecoder
from torch import Tensor, nn


class ImageToLogits(nn.Module):
    """A segmentor as a function from normalised images to logits.

    It computes ``EncoderDecoder.encode_decode``: encoder, head, and the
    resizing of the head's output to the size of the input. This is all of
    ``predict`` in whole mode, and one window of it in slide mode. The caller
    applies the activation.

    Args:
        segmentor: Segmentor in evaluation mode.
        size: Height and width of the input; fixed, so that all that depends
            on them is constant in the exported model.

    Raises:
        TypeError: If the segmentor is not an EncoderDecoder.
        ValueError: If the segmentor is in training mode.

    Example::

        model = ImageToLogits(segmentor.eval(), size=(512, 512))
        logits = model(torch.zeros(1, 3, 512, 512))
    """

    def __init__(self, segmentor: nn.Module, size: tuple[int, int]) -> None:
        super().__init__()
        if not isinstance(segmentor, EncoderDecoder):
            raise TypeError(
                'segmentor: expected an EncoderDecoder of MMSegmentation, got '
                f'{type(segmentor).__name__}. Other types cannot be exported.'
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
        # Heads read the sizes of the first image only.
        return self.segmentor.encode_decode(image, [self.meta])
