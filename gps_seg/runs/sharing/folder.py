# Copyright (c) gps_seg contributors. Apache-2.0.
"""Make the folder that a delta is given away in."""

from dataclasses import replace
from pathlib import Path

from mmengine.config import Config
from PIL import Image, UnidentifiedImageError

from gps_seg.delta import Delta
from gps_seg.delta.reports.description import describe
from gps_seg.engine.config.text import config_from_text
from gps_seg.engine.testing.task_model import size_of
from gps_seg.files import new_folder, require_new_or_empty
from gps_seg.models.weight_files import sha256_of
from gps_seg.runs.sharing.facts import (
    CARD_FILE,
    CONFIG_FILE,
    DELTA_FILE,
    PREVIEW_FILE,
    Known,
    Told,
)
from gps_seg.runs.sharing.model_card import model_card
from gps_seg.runs.sharing.published_config import published
from gps_seg.visualization import plot_selection


def share(
    delta: Path,
    out: Path,
    told: Told,
    *,
    config: Config | None = None,
    preview: Path | None = None,
) -> list[Path]:
    """Make a folder with a delta, its page, its config and a picture.

    The delta there has the text of that config, too. A path or address in it
    is cut to its last part; see :func:`~.published_config.published`.

    Args:
        delta: File of the delta.
        out: Folder, new or empty; it is complete or as it was.
        told: By the author.
        config: Instead of the config that the delta has the text of.
        preview: A PNG file, of which the pixels are taken. By default it is
            drawn where the selected entries lie; a delta without selected
            entries then has no picture.

    Returns:
        The files of the folder.

    Raises:
        FileExistsError: If there is something in ``out``.
        FileNotFoundError: If ``delta`` or ``preview`` is not there.
        ValueError: If ``delta`` is none, has no config that can be read as
            data and none is given, or ``preview`` is no PNG picture.
        OSError: If the folder cannot be written.
    """
    out = out.resolve()
    require_new_or_empty(out)
    loaded = Delta.load(delta)
    text = published(_config_text(loaded, config))
    read = config_from_text(text)
    picture = None if preview is None else _read_png(preview)
    with new_folder(out) as folder:
        info = replace(loaded.info, config=text)
        replace(loaded, info=info).save(folder / DELTA_FILE)
        (folder / CONFIG_FILE).write_text(text, encoding='utf-8')
        has_preview = _add_preview(loaded, picture, folder / PREVIEW_FILE)
        known = Known(
            description=describe(folder / DELTA_FILE),
            config=read,
            full=size_of(read),
            sha256=sha256_of(folder / DELTA_FILE),
            has_preview=has_preview,
        )
        page = model_card(known, told)
        (folder / CARD_FILE).write_text(page, encoding='utf-8')
    return sorted(out.iterdir())


def _config_text(delta: Delta, config: Config | None) -> str:
    """Text of the config that is given away."""
    text = delta.info.config if config is None else config.pretty_text
    if not text.strip():
        raise ValueError(
            'config: expected the text of one in the delta, got none. Give '
            '--config with the config that it was trained with.'
        )
    return text


def _read_png(path: Path) -> Image.Image:
    """The pixels: notes in the file may name places and people."""
    try:
        with Image.open(path) as image:
            kind = image.format
            image.load()
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'--preview: expected a file, got nothing at {path}.'
        ) from error
    except (
        *(UnidentifiedImageError, OSError, SyntaxError, ValueError),
        Image.DecompressionBombError,
    ) as error:
        raise ValueError(
            f'--preview: expected a PNG picture, got {error} ({path}).'
        ) from error
    if kind != 'PNG':
        raise ValueError(
            f'--preview: expected a PNG picture, got {kind} ({path}). '
            'Convert it.'
        )
    kept = ('transparency',)
    image.info = {n: image.info[n] for n in kept if n in image.info}
    return image


def _add_preview(
    delta: Delta, picture: Image.Image | None, target: Path
) -> bool:
    """Put a picture there, if there is one."""
    if picture is not None:
        picture.save(target, format='PNG')
    elif delta.selection.num_selected:
        plot_selection(delta.selection, target)
    return target.is_file()
