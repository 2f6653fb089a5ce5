"""The probability of the foreground, from what segmentors return."""

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import BaseSegmentor
from polyp_maps import sample_of

from gps_seg.evaluation.polyp.probability import foreground_probability


class Head:
    threshold = 0.3


class Segmentor(BaseSegmentor):
    """Only what postprocess_result needs."""

    align_corners = False
    decode_head = Head()
    encode_decode = extract_feat = _forward = loss = predict = None


def postprocessed(logits):
    """What MMSegmentation makes of logits, shape (channels, height, width)."""
    sample = sample_of(np.zeros(logits.shape[1:]), np.zeros(logits.shape[1:]))
    sample.set_metainfo({'ori_shape': logits.shape[1:]})
    (made,) = Segmentor().postprocess_result(logits[None], [sample])
    return made.to_dict()


def test_two_channels_give_the_softmax():
    logits = torch.randn(2, 5, 6, generator=torch.manual_seed(0))

    probability = foreground_probability(postprocessed(logits))

    expected = logits.double().softmax(dim=0)[1]
    torch.testing.assert_close(probability, expected)


def test_one_channel_gives_one_sigmoid_not_two():
    logits = torch.randn(1, 5, 6, generator=torch.manual_seed(0))

    probability = foreground_probability(postprocessed(logits))

    torch.testing.assert_close(probability.float(), logits[0].sigmoid())


def test_half_precision_is_taken_as_it_is():
    logits = torch.randn(2, 5, 6, generator=torch.manual_seed(0)).bfloat16()
    sample = sample_of(np.zeros((5, 6)), np.zeros((5, 6)))
    sample.seg_logits = PixelData(data=logits)
    sample.pred_sem_seg = PixelData(data=logits.argmax(dim=0, keepdim=True))

    probability = foreground_probability(sample.to_dict())

    assert probability.dtype == torch.float64
    expected = logits.double().softmax(dim=0)[1]
    torch.testing.assert_close(probability, expected)


@pytest.mark.parametrize(
    ('output', 'message'),
    [
        (torch.zeros(3, 2, 2), r'\(1 or 2, height, width\), got \(3, 2, 2\)'),
        (torch.zeros(2, 2), r'\(1 or 2, height, width\), got \(2, 2\)'),
        (torch.full((2, 2, 2), float('nan')), 'finite values, got 8 of 8'),
        (torch.full((1, 2, 2), 4.0), 'single channel.* from 4 to 4'),
        (torch.full((1, 2, 2), -0.5), 'single channel.* from -0.5 to -0.5'),
        (torch.zeros(2, 3, 2), r'the shape of seg_logits, \(3, 2\)'),
    ],
)
def test_wrong_output_is_refused(output, message):
    sample = sample_of(np.zeros((2, 2)), np.zeros((2, 2))).to_dict()
    sample['seg_logits'] = {'data': output}

    with pytest.raises(ValueError, match=message):
        foreground_probability(sample)


def test_sample_without_output_is_refused():
    sample = sample_of(np.zeros((2, 2)), np.zeros((2, 2)))
    del sample.seg_logits

    with pytest.raises(ValueError, match='seg_logits: expected the output'):
        foreground_probability(sample.to_dict())


def test_logits_of_one_view_beside_a_merged_prediction_are_refused():
    """So MMSegmentation's test-time augmentation leaves a sample."""
    sample = sample_of([[0.9, 0.2]], [[1, 0]])
    sample.pred_sem_seg.data = torch.tensor([[[0, 1]]])

    with pytest.raises(ValueError, match='evaluate without it'):
        foreground_probability(sample.to_dict())
