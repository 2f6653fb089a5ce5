# Copyright (c) gps_seg contributors. Apache-2.0.
"""Names of the files in the work directory of a run."""

#: Task as of the last save, of the best validation, and with averaged weights.
DELTA_FILE = 'delta.safetensors'
BEST_DELTA_FILE = 'best_delta.safetensors'
EMA_DELTA_FILE = 'ema_delta.safetensors'
#: The same; the one to use comes first.
DELTAS_OF_A_RUN = (BEST_DELTA_FILE, DELTA_FILE, EMA_DELTA_FILE)

#: State of the run without its base, written by ``DeltaHook``.
RESUME_FILE = 'resume.pth'
#: Base, if neither files nor the seed can build it again.
BASE_FILE = 'base.pth'
#: Text file with the path of the latest state; MMEngine reads it, too.
LATEST_FILE = 'last_checkpoint'

#: Selected entries, and number of values that train.
SELECTION_FILE = 'selection.safetensors'
TRAINED_FILE = 'trained.json'
#: Versions, machine, data, seed, command line and duration of the run.
ENVIRONMENT_FILE = 'environment.json'

#: Pictures: loss and scores, validation images, selected connections.
CURVES_FILE = 'curves.png'
OVERLAYS_FILE = 'overlays.png'
SELECTION_MAP_FILE = 'selection.png'

#: All of it on one page.
REPORT_FILE = 'report.html'
