# Copyright (c) gps_seg contributors. Apache-2.0.
"""The supervised contrastive loss, for scores that need no head."""

import torch
import torch.nn.functional as F
from torch import Tensor


def supervised_contrastive_loss(
    features: Tensor,  # shape: (samples, channels)
    labels: Tensor,  # shape: (samples,)
    temperature: float,
) -> Tensor:  # shape: ()
    """Pull together features of one label, push apart all others.

    ``L_out`` of Khosla et al., *Supervised Contrastive Learning*, NeurIPS
    2020, equation 2: with ``z`` the features at unit length and ``P(i)`` the
    other samples of the label of ``i``, the mean over the anchors ``i`` of

        -1 / |P(i)| sum_{p in P(i)} log( exp(z_i z_p / t)
                                         / sum_{a != i} exp(z_i z_a / t) )

    A sample that is alone with its label is nobody's positive, but a
    negative of all.

    Args:
        features: Any scale.
        labels: One integer per sample.
        temperature: ``t``, above 0; GPS takes 0.07.

    Raises:
        ValueError: If no two samples share a label.
    """
    unit = F.normalize(features.float(), dim=1)
    others = ~torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    positives = (labels[:, None] == labels[None]) & others
    anchors = positives.any(dim=1)
    if not bool(anchors.any()):
        raise ValueError(
            f'labels: expected two samples of one label, got {len(labels)} '
            'of as many labels. Raise the batch size of the selection, or '
            'take two views of each image.'
        )
    similarity = (unit @ unit.T / temperature).masked_fill(~others, -torch.inf)
    log_probability = similarity - similarity.logsumexp(dim=1, keepdim=True)
    of_positives = log_probability.masked_fill(~positives, 0).sum(dim=1)
    counts = positives.sum(dim=1).clamp(min=1)
    return -(of_positives / counts)[anchors].mean()
