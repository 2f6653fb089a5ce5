"""What the tests of this folder share with those of whole runs."""

from small_task import (  # noqa: F401  (fixtures)
    _no_picture,
    config,
    delta_file,
    task,
    with_picture,
)
