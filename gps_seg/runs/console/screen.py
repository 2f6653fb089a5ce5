# Copyright (c) gps_seg contributors. Apache-2.0.
"""The part of a run's log that is shown on the screen.

MMEngine writes a thousand lines before the first step: environment, config,
hooks, a line for each parameter. All of it belongs in the log file. A user
wants to see warnings, errors and lines of the type
:class:`~gps_seg.text.announcement.Announcement`.
"""

import io
import logging
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextlib import redirect_stdout as redirected
from logging import WARNING
from typing import Any, Self, TextIO

from mmengine.dist import get_rank
from mmengine.logging import MMLogger, print_log
from mmengine.runner import checkpoint as loading

from gps_seg.text.announcement import Announcement

#: Warnings of MMEngine about its own code.
_REMARKS = re.compile(r'will be deprecated|^The prefix is not set in metric')
_LONGEST = 600


class Console(AbstractContextManager['Console']):
    """The screen of a training or a test.

    In this context, loggers of MMEngine write only to their files. Their
    warnings, errors and announcements are shown, one line each; a repeated
    warning is shown once. Python's warnings are logged and shown in the same
    way. What a user's code prints is not touched. If there are several
    processes, only the first one writes, but all show errors.

    A screen that takes no more lines, because its reader is gone or its disk
    is full, does not end a run.

    Args:
        verbose: Whether to show the whole log, as MMEngine does.
        stream: Screen; None for the standard output.
    """

    def __init__(
        self, verbose: bool = False, stream: TextIO | None = None
    ) -> None:
        self.verbose = verbose
        self.stream: TextIO = stream or sys.stdout
        self._seen: set[str] = set()

    def __enter__(self) -> Self:
        if self.verbose:
            return self
        self._filters = warnings.catch_warnings()
        self._filters.__enter__()
        _ignore_remarks()
        warnings.showwarning = _log_warning
        self._factory = logging.getLogRecordFactory()
        logging.setLogRecordFactory(self._make_record)
        # MMEngine prints which file it loads and which keys it lacks.
        self._printing, loading.print_log = loading.print_log, _log
        MMLogger.get_current_instance()  # for messages before the run
        return self

    def __exit__(self, *error: object) -> None:
        if self.verbose:
            return
        loading.print_log = self._printing
        logging.setLogRecordFactory(self._factory)
        self._filters.__exit__(None, None, None)

    def write(self, text: str) -> None:
        """Write lines without buffering; only the first process does."""
        if get_rank() == 0:
            self._print(text)

    def _print(self, text: str) -> None:
        try:
            print(text, file=self.stream, flush=True)
        except OSError as error:
            self.stream = _Nowhere()
            _log(f'The console takes no more lines: {error}.', level=WARNING)

    def _make_record(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        """Make a log record, and show it if it is meant for the screen.

        A handler would come too late: it cannot be added before the runner
        has been built, and the messages until then would be lost.
        """
        record = self._factory(*args, **kwargs)
        # Loggers other than MMEngine's have their own handlers.
        if record.name == 'mmengine':
            _take_from_screen(MMLogger._instance_dict.values())
            self._show(record)
        return record

    def _show(self, record: logging.LogRecord) -> None:
        if isinstance(record.msg, Announcement):
            self.write(record.msg)
        elif record.levelno >= WARNING:
            self._show_problem(record.levelno, _text(record))

    def _show_problem(self, level: int, text: str) -> None:
        if level >= logging.ERROR:
            self._print(f'error: {_shortened(text)}')
        elif text not in self._seen:
            self._seen.add(text)
            if not _REMARKS.search(text):
                self.write(f'warning: {_shortened(text)}')


@contextmanager
def quiet() -> Iterator[None]:
    """A context in which logs go only to files, not to the screen."""
    with redirected(_Nowhere()), warnings.catch_warnings():
        _ignore_remarks()
        yield


class _Nowhere(io.TextIOBase):
    """A stream that discards everything."""

    def write(self, text: str) -> int:
        return len(text)


def _take_from_screen(loggers: Iterable[logging.Logger]) -> None:
    """Let handlers that write to a screen of their own write nowhere."""
    for logger in loggers:
        for handler in logger.handlers:
            if type(handler) is logging.StreamHandler:  # no file's
                handler.stream = _Nowhere()


def _text(record: logging.LogRecord) -> str:
    """The message on one line; as it is if its arguments do not fit it."""
    try:
        text = record.getMessage()
    except (TypeError, ValueError, KeyError):
        text = str(record.msg)  # its handlers report the mistake
    return ' '.join(text.split())


def _ignore_remarks() -> None:
    """Hide warnings of the libraries about their own code, but not ours."""
    warnings.filterwarnings('ignore', module=r'mm(cv|engine|seg|pretrain)\.')


def _log_warning(
    message: Warning | str, category: type[Warning], *_: Any, **__: Any
) -> None:
    _log(f'{category.__name__}: {message}', level=WARNING)


def _log(
    text: str,
    logger: logging.Logger | str | None = None,
    level: int = logging.INFO,
) -> None:
    """MMEngine's ``print_log``, with the logger of the run as the default."""
    print_log(text, logger or 'current', level)


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f'{text[:_LONGEST]} ... (in full in the log file)'
