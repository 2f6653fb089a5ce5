# Copyright (c) gps_seg contributors. Apache-2.0.
"""Which label does not count, and how a picture shows it."""

import numpy as np
import pytest
from mmseg.models.decode_heads import FCNHead
from torch import nn

from gps_seg.datasets.ignored_label import ignored_label, with_unknown


@pytest.mark.parametrize(
    ('decode_head', 'label'),
    [
        ({'ignore_index': 11}, 11),
        ([{'ignore_index': 7}, {'ignore_index': 11}], 11),
        ({}, 255),
        ([{'ignore_index': 7}, {}], 255),
    ],
)
def test_the_head_knows_what_is_ignored_in_a_config_and_built(
    decode_head, label
):
    heads = decode_head if isinstance(decode_head, list) else [decode_head]
    size = {'in_channels': 4, 'channels': 4, 'num_classes': 12}
    loss = {'type': 'CrossEntropyLoss', 'avg_non_ignore': True}
    built = [FCNHead(**size, loss_decode=loss, **head) for head in heads]
    model = nn.Module()
    model.decode_head = (
        nn.ModuleList(built) if isinstance(decode_head, list) else built[0]
    )
    assert ignored_label(model) == label
    assert ignored_label({'decode_head': decode_head}) == label


@pytest.mark.parametrize('model', [None, {}, {'head': {}}, nn.Module()])
def test_what_has_no_decode_head_ignores_255(model):
    assert ignored_label(model) == 255


def test_what_is_ignored_is_unknown_in_a_picture():
    labels = np.array([[0, 11, 1, 255]])
    shown = with_unknown(labels, 11)
    assert shown.tolist() == [[0, 255, 1, 255]]
    assert shown.dtype == np.uint8
