# Copyright (c) gps_seg contributors. Apache-2.0.
"""The supervised contrastive loss, which needs no head."""

import torch
import torch.nn.functional as F
from torch import Tensor


def supervised_contrastive_loss(
    features: Tensor,  # shape: (samples, channels)
    labels: Tensor,  # shape: (samples,)
    temperature: float,
) -> Tensor:  # shape: ()
    """Pull features of one label together and push all others apart.

    ``L_out`` of Khosla et al., *Supervised Contrastive Learning*, NeurIPS
    2020, equation 2: with ``z`` the features at unit length and ``P(i)`` the
    other samples of the label of ``i``, the mean over the anchors ``i`` of

        -1 / |P(i)| sum_{p in P(i)} log( exp(z_i z_p / t)
                                         / sum_{a != i} exp(z_i z_a / t) )

    A sample with a unique label has no positives; it is a negative for every
    anchor. The loss is computed in float32, under autocast, too.

    Args:
        features: Features at any scale.
        labels: One integer per sample.
        temperature: ``t``, above 0; GPS uses 0.07.

    Raises:
        ValueError: If no two samples share a label.

    Example:
        >>> features = torch.eye(2).repeat(2, 1)  # two pairs of equal vectors
        >>> agree = torch.tensor([0, 1, 0, 1])
        >>> disagree = torch.tensor([0, 0, 1, 1])
        >>> bool(
        ...     supervised_contrastive_loss(features, agree, 0.07)
        ...     < supervised_contrastive_loss(features, disagree, 0.07)
        ... )
        True
    """
    with torch.autocast(features.device.type, enabled=False):
        return _contrast(features.float(), labels, temperature)


def _contrast(features: Tensor, labels: Tensor, temperature: float) -> Tensor:
    unit = F.normalize(features, dim=1)
    others = ~torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    positives = (labels[:, None] == labels[None]) & others
    anchors = positives.any(dim=1)
    if not bool(anchors.any()):
        raise ValueError(
            'labels: expected two samples of the same label, got '
            f'{len(labels)} samples of different labels. Increase the batch '
            'size of the selection, or use two views of each image.'
        )
    similarity = (unit @ unit.T / temperature).masked_fill(~others, -torch.inf)
    log_probability = similarity - similarity.logsumexp(dim=1, keepdim=True)
    of_positives = log_probability.masked_fill(~positives, 0).sum(dim=1)
    counts = positives.sum(dim=1).clamp(min=1)
    return -(of_positives / counts)[anchors].mean()
