"""Weights are initialised without a line per tensor."""

import logging

import pytest
from mmengine.logging import MMLogger
from torch import nn

from gps_seg.models.quiet_init import init_quietly


class Loud(nn.Module):
    """Logs as MMEngine does while it initialises."""

    def init_weights(self):
        logger = MMLogger.get_current_instance()
        self.levels = [
            level
            for level in (logging.INFO, logging.WARNING)
            if logger.isEnabledFor(level)
        ]
        if getattr(self, 'fails', False):
            raise ValueError('no weights')


@pytest.mark.parametrize('fails', [False, True])
def test_only_warnings_are_logged_and_only_meanwhile(fails):
    logger, model = MMLogger.get_current_instance(), Loud()
    before, model.fails = logger.level, fails
    if fails:
        with pytest.raises(ValueError, match='no weights'):
            init_quietly(model)
    else:
        init_quietly(model)
    assert model.levels == [logging.WARNING]
    assert logger.level == before
