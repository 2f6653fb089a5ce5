# Copyright (c) gps_seg contributors. Apache-2.0.
"""What shows a person how far a long task is, and how much time is left."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

Item = TypeVar('Item')
#: Function that passes a sequence on and shows a progress bar meanwhile.
Progress = Callable[[Sequence[Item]], Iterable[Item]]
