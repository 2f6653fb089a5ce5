# Copyright (c) gps_seg contributors. Apache-2.0.
"""Make a folder to publish a delta: model card, config, pictures."""

from gps_seg.runs.sharing.facts import AuthorNotes, DeltaFacts
from gps_seg.runs.sharing.folder import share
from gps_seg.runs.sharing.model_card import model_card
from gps_seg.runs.sharing.pictures import find_overlays

__all__ = ['AuthorNotes', 'DeltaFacts', 'find_overlays', 'model_card', 'share']
