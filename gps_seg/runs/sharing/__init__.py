# Copyright (c) gps_seg contributors. Apache-2.0.
"""Publish a delta: a folder with card, config, pictures; its upload."""

from gps_seg.runs.sharing.facts import AuthorNotes, DeltaFacts
from gps_seg.runs.sharing.folder import share
from gps_seg.runs.sharing.model_card import model_card
from gps_seg.runs.sharing.origin import origin_of_base
from gps_seg.runs.sharing.pictures import find_overlays
from gps_seg.runs.sharing.pushing import prepare_push, push

__all__ = [
    'AuthorNotes',
    'DeltaFacts',
    'find_overlays',
    'model_card',
    'origin_of_base',
    'prepare_push',
    'push',
    'share',
]
