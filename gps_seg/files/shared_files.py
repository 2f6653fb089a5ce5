# Copyright (c) gps_seg contributors. Apache-2.0.
"""Names of the files in a folder that ``tools/share.py`` makes.

The delta and the picture of the selection have the names of
:mod:`gps_seg.files.run_files`.
"""

#: Config that builds the model, and the model card.
CONFIG_FILE = 'config.py'
CARD_FILE = 'README.md'
#: Picture for the head of the card.
PREVIEW_FILE = 'preview.png'
