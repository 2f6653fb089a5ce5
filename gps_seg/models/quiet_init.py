# Copyright (c) gps_seg contributors. Apache-2.0.
"""Initialise weights without MMEngine's log of every tensor."""

import logging

from mmengine.logging import MMLogger
from torch import nn


def init_quietly(model: nn.Module) -> None:
    """Run ``init_weights``; only warnings reach the log.

    Args:
        model: Model of MMEngine; changed in place.
    """
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        model.init_weights()
    finally:
        logger.setLevel(level)
