# Copyright (c) gps_seg contributors. Apache-2.0.
"""Names of the files in a work directory from which a run is resumed."""

#: State of the run without its base, written by ``DeltaHook``.
RESUME_FILE = 'resume.pth'
#: Base, if neither files nor the seed can build it again.
BASE_FILE = 'base.pth'
#: Text file with the path of the latest state; MMEngine reads it, too.
LATEST_FILE = 'last_checkpoint'
