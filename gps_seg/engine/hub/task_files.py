# Copyright (c) gps_seg contributors. Apache-2.0.
"""Find the files of a task by its address.

Only two files are ever read, and both as data: the delta is safetensors, and
the config beside it is not run.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from gps_seg.delta import Delta
from gps_seg.engine.config.text import config_from_file, config_from_text
from gps_seg.engine.hub.downloading import download
from gps_seg.engine.hub.names import SCHEME, HubAddress
from gps_seg.files.run_files import DELTA_FILE
from gps_seg.files.shared_files import CONFIG_FILE

Address = str | os.PathLike[str]


@dataclass(frozen=True)
class TaskFiles:
    """The files of a task.

    Args:
        weights: Delta; a checkpoint if the address was that of one.
        config: Config beside it; None for a file alone.
    """

    weights: Path
    config: Path | None = None

    def read_config(self) -> Config:
        """The published config, or the text in the delta, read as data.

        Raises:
            ValueError: If there is none, or it has more than plain values.
        """
        if self.config is not None:
            return config_from_file(self.config)
        text = Delta.load(self.weights).info.config
        if not text.strip():
            raise ValueError(
                'config: expected one in the delta, got none '
                f'({self.weights}). Name the config of its training.'
            )
        return config_from_text(text)


def find_task(address: Address) -> TaskFiles:
    """Find the files of a task.

    Args:
        address: File with weights; folder that ``tools/share.py`` made; or
            ``hf://OWNER/NAME``, at the end ``@`` and a branch, tag or commit
            if wanted. Of a repository only the delta and its config are
            downloaded.

    Raises:
        FileNotFoundError: If there is no such file, or the folder lacks one.
        ValueError: If the address is malformed.
        ImportError: See :func:`download`, for an address on the hub; also for
            further errors.
    """
    text = os.fspath(address)
    if text.startswith(SCHEME):
        place = HubAddress.of(text)
        return TaskFiles(
            *(download(place, name) for name in (DELTA_FILE, CONFIG_FILE))
        )
    path = Path(text)
    if path.is_dir():
        return _in_folder(path)
    return TaskFiles(path)


def _in_folder(folder: Path) -> TaskFiles:
    paths = [folder / name for name in (DELTA_FILE, CONFIG_FILE)]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise FileNotFoundError(
            f'task: expected a file, or a folder that tools/share.py made, '
            f'got the folder {folder} without {" and ".join(missing)}. Name '
            'the delta in it.'
        )
    return TaskFiles(*paths)


def task_config(address: Address) -> Config:
    """The config that builds the model of a task, read as data.

    Nothing in it is run; see
    :func:`gps_seg.engine.config.text.config_from_text`.

    Args:
        address: Address of the task; see :func:`find_task`.

    Raises:
        FileNotFoundError: See :func:`find_task`, also for further errors.
        ValueError: If there is no config, or it has more than plain values.

    Example::

        config = task_config('hf://alice/polyps')
        model = init_model(config, device='cpu')  # of mmseg.apis
        load_task(model, None, 'hf://alice/polyps')
    """
    return find_task(address).read_config()
