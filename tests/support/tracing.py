# Copyright (c) gps_seg contributors. Apache-2.0.
"""What PyTorch warns of when it traces code; none of it is ours.

Its tracer makes an instance of each autograd Function, reads ``.grad`` of
every input, and looks behind ``functools.lru_cache``.
"""

import pytest

IGNORED_IN_TRACING = [
    pytest.mark.filterwarnings(f'ignore:{message}')
    for message in (
        '.*autograd.function.Function.*:DeprecationWarning',
        'The .grad attribute:UserWarning',
        '.*functools.lru_cache:UserWarning',
    )
]
