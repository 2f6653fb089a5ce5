# Copyright (c) gps_seg contributors. Apache-2.0.
"""Segment Anything (Kirillov et al., ICCV 2023) as a segmentor."""
