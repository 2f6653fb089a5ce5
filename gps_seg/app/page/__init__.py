# Copyright (c) gps_seg contributors. Apache-2.0.
"""The page: its parts in Gradio, and what they show."""
