# Copyright (c) gps_seg contributors. Apache-2.0.
"""Start the page, and stop it without leaving anything behind."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from gps_seg.app.inputs.examples import examples_in, examples_of
from gps_seg.app.inputs.picture import MOST_PIXELS
from gps_seg.app.page.building import build_page
from gps_seg.app.page.importing import import_gradio
from gps_seg.app.page.runs_tab import runs_of
from gps_seg.app.page.style import CSS, theme_of
from gps_seg.app.page.views import Views
from gps_seg.app.serving.server import TaskServer
from gps_seg.app.serving.tasks import config_of, read_tasks
from gps_seg.runs.launch import load_config

LOCAL = '127.0.0.1'
EVERY_NETWORK = '0.0.0.0'  # of this machine
MOST_BYTES = 64 * 2**20  # of an uploaded file
_MOST_WAITING = 64


class Place(NamedTuple):
    """Address of a page.

    Args:
        host: Host; :data:`LOCAL` for this machine alone.
        port: Port; None for the first free one from 7860 on.
    """

    host: str = LOCAL
    port: int | None = None


def serve(
    deltas: Sequence[str | os.PathLike[str]],
    place: Place,
    *,
    base: str | None = None,
    examples: str | None = None,
    comparison: str | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Show the page until the process is interrupted.

    Args:
        deltas: Files of deltas of one base.
        place: Address of the page.
        base: Config of the base; None for the one in the first delta.
        examples: Folder with images to offer; None for validation images of
            the config, if they are there.
        comparison: Summary or folder of a comparison to show; None for none.
        say: Function that prints a line.

    Raises:
        FileNotFoundError: If a file is missing.
        ImportError: If Gradio is not installed.
        ValueError: If a delta is not of this base, or a file is not what is
            expected.
    """
    # A process that is killed must also remove what was uploaded.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _page(deltas, base, examples, comparison) as (gradio, page):
        page.queue(max_size=_MOST_WAITING)
        _, address, _ = page.launch(
            server_name=place.host,
            server_port=place.port,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            max_file_size=MOST_BYTES,
            footer_links=[],
            run_history=False,  # it would keep images in the browser
            enable_monitoring=False,
            ssr_mode=False,
            theme=theme_of(gradio),
            css=CSS,
        )
        say(where(address, place.host))
        try:
            Event().wait()
        finally:
            page.close(verbose=False)


def where(address: str, host: str) -> str:
    """What a person reads when the page is there.

    Args:
        address: Address of the page on this machine.
        host: Host that was asked for.

    Example:
        >>> where('http://127.0.0.1:7860/', '127.0.0.1')
        'The page is at http://127.0.0.1:7860/ (Ctrl-C ends it).'
    """
    here = f'The page is at {address} (Ctrl-C ends it).'
    if host != EVERY_NETWORK:
        return here
    other = f'http://{socket.gethostname()}:{urlsplit(address).port}/'
    return f'{here}\nAt {other} everyone in your network can use it.'


@contextmanager
def _page(
    deltas: Sequence[str | os.PathLike[str]],
    base: str | None,
    examples: str | None,
    comparison: str | None,
) -> Iterator[tuple[Any, Any]]:
    """Gradio and the page; the folder of its files is removed at the end."""
    with TemporaryDirectory(prefix='gps_seg_app_') as folder:
        gradio = import_gradio(folder)
        tasks = read_tasks(deltas)
        config = load_config(base) if base else config_of(tasks)
        runs = runs_of(comparison, folder) if comparison else None
        offered = examples_in(examples) if examples else examples_of(config)
        server = TaskServer(config, tasks)
        views = Views(server, offered)
        yield gradio, build_page(gradio, views, runs, facts_of(server))


def facts_of(server: TaskServer) -> str:
    """A line on the base and on what happens to images.

    Args:
        server: Server of the tasks.
    """
    number = sum(p.numel() for p in server.model.parameters())
    encoder = getattr(server.model, 'backbone', server.model)
    name, size = type(encoder).__name__, f'{number / 1e6:.1f} M parameters'
    return (
        f'Base: {name}, {size}. Images stay on the machine that runs this '
        'page, for an hour at most; above '
        f'{MOST_PIXELS / 1e6:.1f} megapixels they are scaled down.'
    )
