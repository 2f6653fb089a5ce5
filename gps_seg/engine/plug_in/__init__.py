# Copyright (c) gps_seg contributors. Apache-2.0.
"""Complete any config of OpenMMLab to one that trains with a PeftHook."""
