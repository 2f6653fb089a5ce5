# Copyright (c) gps_seg contributors. Apache-2.0.
"""Endings of the names of files that are written.

They are checked before PyTorch and Matplotlib are imported.
"""

#: Pictures that can be drawn.
PICTURES = ('.png', '.svg', '.pdf')
#: Deltas.
DELTAS = ('.safetensors',)
#: Weights of a whole model.
CHECKPOINTS = ('.pth', '.safetensors')
#: Pages that a browser shows.
PAGES = ('.html',)
