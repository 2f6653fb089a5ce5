# Copyright (c) gps_seg contributors. Apache-2.0.
"""Any config of OpenMMLab, completed to one that trains by a PeftHook."""
