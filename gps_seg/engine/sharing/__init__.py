# Copyright (c) gps_seg contributors. Apache-2.0.
"""A delta as a folder that can be given away: with a page, and a picture."""

from gps_seg.engine.sharing.facts import Known, Told
from gps_seg.engine.sharing.folder import share
from gps_seg.engine.sharing.model_card import model_card

__all__ = ['Known', 'Told', 'model_card', 'share']
