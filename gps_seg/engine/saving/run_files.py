# Copyright (c) gps_seg contributors. Apache-2.0.
"""Names of the files by which a run goes on, in its work directory."""

#: State of the run without its base, of ``DeltaHook``.
RESUME_FILE = 'resume.pth'
#: The base, if neither files nor the seed can give it again.
BASE_FILE = 'base.pth'
#: Text with the path of the latest state; MMEngine looks for it, too.
LATEST_FILE = 'last_checkpoint'
