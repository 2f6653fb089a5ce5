# Copyright (c) gps_seg contributors. Apache-2.0.
"""Text that people read: tables, Markdown, and text from unknown files."""
