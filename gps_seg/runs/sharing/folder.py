# Copyright (c) gps_seg contributors. Apache-2.0.
"""Make the folder in which a delta is published."""

from dataclasses import replace
from pathlib import Path

from mmengine.config import Config

from gps_seg.delta import Delta
from gps_seg.delta.reports.description import describe
from gps_seg.engine.config.text import config_from_text
from gps_seg.engine.testing.task_model import size_of
from gps_seg.files import new_folder, require_new_or_empty
from gps_seg.files.run_files import DELTA_FILE
from gps_seg.files.shared_files import CARD_FILE, CONFIG_FILE
from gps_seg.models.weight_files import sha256_of
from gps_seg.runs.sharing.facts import AuthorNotes, DeltaFacts
from gps_seg.runs.sharing.model_card import model_card
from gps_seg.runs.sharing.pictures import add_pictures, read_png
from gps_seg.runs.sharing.published_config import published


def share(
    delta: Path,
    out: Path,
    notes: AuthorNotes,
    *,
    config: Config | None = None,
    preview: Path | None = None,
) -> list[Path]:
    """Make a folder with a delta, its model card, its config and pictures.

    The published delta contains only the published text of the config, in
    which paths and addresses are cut to their last part; see
    :func:`~.published_config.published`.

    Args:
        delta: Delta file.
        out: New or empty folder; written completely or not at all.
        notes: Notes of the author.
        config: Config of the training; None for the one in the delta.
        preview: PNG file for the head of the card, of which only the pixels
            are copied; or None.

    Returns:
        Files of the folder.

    Raises:
        FileExistsError: If ``out`` is not empty.
        FileNotFoundError: If ``delta`` or ``preview`` does not exist.
        ValueError: If ``delta`` is not a delta, ``preview`` is not a PNG
            picture, or there is no config that can be read as data.
        OSError: If the folder cannot be written.

    Example::

        notes = AuthorNotes(base='owner/name', license='apache-2.0')
        share(Path('delta.safetensors'), Path('shared'), notes)
    """
    out = out.resolve()
    require_new_or_empty(out)
    loaded = Delta.load(delta)
    text = published(_config_text(loaded, config))
    read = config_from_text(text)
    picture = None if preview is None else read_png(preview)
    with new_folder(out) as folder:
        info = replace(loaded.info, config=text)
        replace(loaded, info=info).save(folder / DELTA_FILE)
        (folder / CONFIG_FILE).write_text(text, encoding='utf-8')
        facts = DeltaFacts(
            description=describe(folder / DELTA_FILE),
            config=read,
            full=size_of(read),
            sha256=sha256_of(folder / DELTA_FILE),
            pictures=add_pictures(folder, loaded, picture),
        )
        page = model_card(facts, notes)
        (folder / CARD_FILE).write_text(page, encoding='utf-8')
    return sorted(out.iterdir())


def _config_text(delta: Delta, config: Config | None) -> str:
    """Text of the config that is published."""
    text = delta.info.config if config is None else config.pretty_text
    if not text.strip():
        raise ValueError(
            'config: expected a config in the delta, got none. Give --config '
            'with the config of the training.'
        )
    return text
