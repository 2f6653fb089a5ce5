# Copyright (c) gps_seg contributors. Apache-2.0.
"""What masks store, what it means, and the rule that makes classes of it."""
