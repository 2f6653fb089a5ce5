# Copyright (c) gps_seg contributors. Apache-2.0.
"""Events of the page: a view is shown again after a change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from gps_seg.app.page.input_parts import Inputs

#: Requests that wait for the model at once; each is a thread.
AT_ONCE = 8


class View(NamedTuple):
    """A view of the page, what it depends on, and where it is shown."""

    name: str
    function: Callable[..., Any]
    tasks: list[Any]
    outputs: list[Any]


def show(gradio: Any, view: View, inputs: Inputs, tab: Any) -> None:
    """Show a view again when something has changed and its tab is open.

    A closed tab would make the open one wait for the model.
    """
    parts = [*view.tasks, *inputs.of_overlay]
    options = dict(
        show_progress='minimal',
        trigger_mode='always_last',
        concurrency_limit=AT_ONCE,
    )

    def if_open(name: str, *values: Any) -> Any:
        return view.function(*values) if name == tab.label else gradio.skip()

    gradio.on(
        [part.change for part in view.tasks],
        view.function,
        parts,
        view.outputs,
        api_name=view.name,
        **options,
    )
    gradio.on(
        [part.change for part in inputs.of_overlay],
        if_open,
        [inputs.open_tab, *parts],
        view.outputs,
        api_visibility='private',
        **options,
    )
    tab.select(
        lambda: tab.label,
        None,
        inputs.open_tab,
        queue=False,
        api_visibility='private',
    ).then(
        view.function,
        parts,
        view.outputs,
        api_visibility='private',
        **options,
    )
