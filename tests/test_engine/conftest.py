"""MMPretrain can be imported by the tests of this folder."""

from gps_seg.stack import require_openmmlab

require_openmmlab()
