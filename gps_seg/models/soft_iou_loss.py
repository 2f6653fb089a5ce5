# Copyright (c) gps_seg contributors. Apache-2.0.
"""One minus the soft intersection over union of a mask."""

from mmseg.registry import MODELS
from torch import Tensor, nn

#: Added to both areas, so that an image without the object has a gradient.
_SMOOTH = 1.0


@MODELS.register_module()
class SoftIoULoss(nn.Module):
    """Soft IoU loss of Rahman and Wang (ISVC 2016), per image.

    With the probability p of the object in a pixel and the truth t, 0 or 1,
    it is ``1 - (1 + sum(p t)) / (1 + sum(p + t - p t))``.

    The sums are over the pixels of one image that are not ignored; the loss
    is the mean over the images. The 1 in both areas lets an image without the
    object pull its probabilities to 0.

    Args:
        loss_weight: Factor of the loss.
        loss_name: Name in the log; it begins with ``loss_``.

    Example:
        >>> import torch
        >>> loss = SoftIoULoss()
        >>> logits = torch.full((1, 1, 2, 2), 100.0)
        >>> loss(logits, torch.ones(1, 2, 2, dtype=torch.long)).item()
        0.0
    """

    def __init__(
        self, loss_weight: float = 1.0, loss_name: str = 'loss_iou'
    ) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(
        self,
        logits: Tensor,  # shape: (batch, 1, height, width)
        labels: Tensor,  # shape: (batch, height, width)
        weight: Tensor | None = None,
        ignore_index: int = 255,
    ) -> Tensor:
        """The loss of a batch.

        Args:
            logits: Logits of the object, one channel.
            labels: 1 where the object is, 0 elsewhere, and ``ignore_index``.
            weight: Factor of each pixel, shape (batch, height, width); None
                for none.
            ignore_index: Label of pixels that do not count.

        Raises:
            ValueError: If the logits have more than one channel.
        """
        if logits.shape[1] != 1:
            raise ValueError(
                'SoftIoULoss: expected logits of one channel, got '
                f'{logits.shape[1]} (decode_head.out_channels). Use '
                "MMSegmentation's DiceLoss or TverskyLoss for several "
                'classes.'
            )
        counts = (labels != ignore_index).to(logits.dtype)
        if weight is not None:
            counts = counts * weight
        truth = (labels == 1).to(logits.dtype)
        object_ = logits.squeeze(1).sigmoid()
        both = (counts * object_ * truth).sum((1, 2))
        either = (counts * (object_ + truth - object_ * truth)).sum((1, 2))
        iou = (both + _SMOOTH) / (either + _SMOOTH)
        return self.loss_weight * (1 - iou).mean()
