# Copyright (c) gps_seg contributors. Apache-2.0.
"""Let MMEngine read checkpoints as :mod:`gps_seg.models.restricted_loading`.

MMEngine first tries the restricted unpickler with a list of its own, which
includes ``getattr`` and NumPy's array constructors. If that fails it reads the
file without restriction. And when it resumes it runs the text of a config
inside the checkpoint. Importing this module ends all three, for files,
storages and downloads.
"""

import functools
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any

from mmengine.runner import CheckpointLoader
from mmengine.runner import checkpoint as mmengine_checkpoint

from gps_seg.models.restricted_loading import (
    read_checkpoint,
    read_restricted,
)

Loader = Callable[..., Any]


# MMEngine's own loader of local files has the empty prefix, too. Its log shows
# what follows "load_from_" in the name of the function.
@CheckpointLoader.register_scheme(prefixes='', force=True)
def load_from_local(filename: str, map_location: Any) -> dict[str, Any]:
    """Load a path for MMEngine; see :func:`read_checkpoint`."""
    return read_checkpoint(filename, map_location)


def read_any(file: Any, map_location: Any = None, **_: Any) -> Any:
    """Replacement of MMEngine's ``_safe_torch_load``.

    Args:
        file: Path, or file that is open for binary reading.
        map_location: Device to load onto, in any form of ``torch.load``.
    """
    if isinstance(file, str | Path):
        return read_checkpoint(file, map_location)
    return read_restricted(file, 'a stream of bytes', map_location)


def _naming_its_url(load: Loader) -> Loader:
    """A loader whose error names the URL and says what to do."""

    @functools.wraps(load)
    def load_from_http(filename: str, *args: Any, **options: Any) -> Any:
        try:
            return load(filename, *args, **options)
        except (OSError, HTTPException) as error:
            raise FileNotFoundError(
                f'checkpoint: expected a download of {filename}, got '
                f'{error}. Download it on a machine with network access, and '
                'put the path of the file in place of the URL: in load_from, '
                'pretrained, or checkpoint of an init_cfg.'
            ) from error

    return load_from_http


def _without_config(load: Loader) -> Loader:
    """A loader that omits the config, which MMEngine would run to resume."""

    @functools.wraps(load)
    def load_checkpoint(*args: Any, **options: Any) -> Any:
        checkpoint = load(*args, **options)
        meta = checkpoint.get('meta') if isinstance(checkpoint, dict) else None
        if isinstance(meta, dict):
            meta.pop('config', None)
        return checkpoint

    return load_checkpoint


mmengine_checkpoint._safe_torch_load = read_any
# Under its own name, too: the loaders of torchvision:// and open-mmlab://
# call it by that name.
mmengine_checkpoint.load_from_http = _naming_its_url(
    mmengine_checkpoint.load_from_http
)
CheckpointLoader.register_scheme(
    ('http://', 'https://'), mmengine_checkpoint.load_from_http, force=True
)
CheckpointLoader.load_checkpoint = staticmethod(
    _without_config(CheckpointLoader.load_checkpoint)
)
