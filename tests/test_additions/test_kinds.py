# Copyright (c) gps_seg contributors. Apache-2.0.
"""What is common to all kinds of additions."""

import inspect

import pytest

from gps_seg.additions.kinds import ADDITIONS


@pytest.mark.parametrize('kind', ADDITIONS)
def test_a_file_has_every_setting(kind):
    """A default could change, and with it the meaning of older files."""
    parameters = inspect.signature(ADDITIONS[kind]).parameters.values()
    assert [p.name for p in parameters if p.default is not p.empty] == []
