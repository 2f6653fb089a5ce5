# Copyright (c) gps_seg contributors. Apache-2.0.
"""One tuned model on its own test images and on others: numbers and tables."""
