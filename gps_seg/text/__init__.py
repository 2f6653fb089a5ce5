# Copyright (c) gps_seg contributors. Apache-2.0.
"""Text for people: tables, Markdown, and safe text from unknown files."""
