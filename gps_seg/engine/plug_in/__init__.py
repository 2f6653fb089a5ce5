# Copyright (c) gps_seg contributors. Apache-2.0.
"""Complete any config of OpenMMLab so that it trains with a PeftHook."""
