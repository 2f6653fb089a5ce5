# Copyright (c) gps_seg contributors. Apache-2.0.
"""The probability of the foreground, from the output of a segmentor."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from gps_seg.evaluation.samples import label_map


def foreground_probability(
    sample: Mapping[str, Any],
) -> Tensor:  # shape: (height, width)
    """Probability of the foreground in each pixel of a binary segmentation.

    Of two channels, background and foreground, the softmax is taken. One
    channel is the probability itself: MMSegmentation takes the sigmoid of a
    single channel before it puts it into ``seg_logits``.

    Args:
        sample: Sample with ``seg_logits``, shape (1 or 2, height, width), and
            the ``pred_sem_seg`` made from them.

    Returns:
        float64 in ``[0, 1]`` on the CPU.

    Raises:
        ValueError: If the output is missing, has another shape or is not
            finite, if a single channel is not in ``[0, 1]``, or if the
            prediction is not a threshold of the probability.
    """
    output = _output(sample).double().cpu()
    if not output.isfinite().all():
        raise ValueError(
            'seg_logits: expected finite values, got '
            f'{int((~output.isfinite()).sum())} of {output.numel()} that are '
            'not. Look at the training for a loss that became NaN.'
        )
    if len(output) == 2:
        background, foreground = output
        probability = (foreground - background).sigmoid()
    else:
        probability = _single_channel(output)
    _check_prediction(probability, label_map(sample, 'pred_sem_seg').cpu())
    return probability


def _output(sample: Mapping[str, Any]) -> Tensor:
    if 'seg_logits' not in sample:
        raise ValueError(
            'seg_logits: expected the output of a segmentor, got none. '
            'PolypMetric needs probabilities; use DiceIoUMetric for label '
            'maps.'
        )
    output: Tensor = sample['seg_logits']['data']
    if output.ndim == 3 and len(output) in (1, 2):
        return output
    raise ValueError(
        'seg_logits: expected the shape (1 or 2, height, width), got '
        f'{tuple(output.shape)}. PolypMetric scores one foreground class.'
    )


def _single_channel(output: Tensor) -> Tensor:
    least, greatest = float(output.min()), float(output.max())
    if least < 0 or greatest > 1:
        raise ValueError(
            'seg_logits: expected probabilities in a single channel, as '
            "MMSegmentation's postprocess_result leaves them, got values "
            f'from {least:.3g} to {greatest:.3g}. Take the sigmoid.'
        )
    return output[0]


def _check_prediction(probability: Tensor, prediction: Tensor) -> None:
    """Check that both are of one image: the prediction is a threshold.

    MMSegmentation's test-time augmentation merges the predictions of all
    views, and leaves the logits of the last view.
    """
    if prediction.shape != probability.shape:
        raise ValueError(
            'pred_sem_seg: expected the shape of seg_logits, '
            f'{tuple(probability.shape)}, got {tuple(prediction.shape)}.'
        )
    inside = probability[prediction == 1]
    outside = probability[prediction != 1]
    if not len(inside) or not len(outside) or inside.min() >= outside.max():
        return
    raise ValueError(
        'pred_sem_seg: expected the pixels of highest probability in '
        'seg_logits, got others. Test-time augmentation merges the '
        'predictions, not the logits: evaluate without it.'
    )
