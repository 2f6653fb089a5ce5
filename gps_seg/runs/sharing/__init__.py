# Copyright (c) gps_seg contributors. Apache-2.0.
"""A delta as a folder that can be given away: with a page, and a picture."""

from gps_seg.runs.sharing.facts import Known, Told
from gps_seg.runs.sharing.folder import share
from gps_seg.runs.sharing.model_card import model_card

__all__ = ['Known', 'Told', 'model_card', 'share']
