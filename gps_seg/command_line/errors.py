# Copyright (c) gps_seg contributors. Apache-2.0.
"""Messages for errors that a user can act on, without a traceback.

Any other error is a bug. Its traceback is shown, because a report needs it.
"""

import re

from gps_seg.command_line.config_errors import explain_config_error
from gps_seg.command_line.plugged_in import comes_from_plugged_in_code

#: Messages of this package say what was expected, for any type of error.
_OURS = ': expected '
#: As in the last line of a traceback of a data loader's worker.
_TYPE = re.compile(r'^[\w.]+Error: ')
_FOREIGN_HINT = '(--traceback shows where)'
_MEMORY = re.compile(r'out of memory|(not enough|allocate) memory', re.I)
_MEMORY_ADVICE = (
    'Use smaller batches (train_dataloader.batch_size) or smaller images, or '
    'stop other programs that use the memory.'
)
_WORKER = re.compile(r'DataLoader worker .*(exited|killed)|bus error', re.I)
_WORKER_ADVICE = (
    'A process that loads data died, usually because memory ran out: set '
    'train_dataloader.num_workers=0, or give the container more shared memory.'
)
_DEVICE = re.compile(r'CUDA|cuDNN|CUBLAS|NCCL|NVIDIA|\bHIP\b')
_DEVICE_ADVICE = (
    'Check nvidia-smi; CUDA_LAUNCH_BLOCKING=1 with --traceback shows the '
    'operation.'
)


def explain(error: Exception) -> str | None:
    """Explain an error in one or a few lines; None for a bug.

    Args:
        error: Exception that ended a tool, with its traceback.

    Example:
        >>> explain(ValueError('k: expected 1 or more, got 0.'))
        'k: expected 1 or more, got 0.'
        >>> explain(ZeroDivisionError()) is None
        True
    """
    message = _message(error)
    if message is None:
        return None
    return '\n'.join([message, *getattr(error, '__notes__', ())])


def _message(error: Exception) -> str | None:
    text = _without_worker_traceback(_text(error)).strip()
    if _OURS in text:
        return _TYPE.sub('', text)
    if isinstance(error, MemoryError | RuntimeError):
        return _resource(text or 'out of memory')
    config_error = explain_config_error(error)
    if config_error is not None:
        return f'{config_error} {_FOREIGN_HINT}'
    if not isinstance(error, ImportError) and comes_from_plugged_in_code(
        error
    ):
        return None
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f'{error.strerror}: {error.filename}'
    if isinstance(error, OSError | ImportError):
        return text
    if isinstance(error, ValueError | SyntaxError):
        return f'{type(error).__name__}: {text} {_FOREIGN_HINT}'
    return None


def _text(error: Exception) -> str:
    if isinstance(error, OSError) and _OURS in str(error.strerror):
        return f'{error.strerror} ({error.filename})'  # without the number
    # str(KeyError) is the repr of its message.
    single = isinstance(error, KeyError) and len(error.args) == 1
    return str(error.args[0] if single else error)


def _resource(text: str) -> str | None:
    """Text for an error of memory or device; None for any other error."""
    first = text.splitlines()[0].rstrip('. ')
    for pattern, advice in (
        (_MEMORY, _MEMORY_ADVICE),
        (_WORKER, _WORKER_ADVICE),
        (_DEVICE, _DEVICE_ADVICE),
    ):
        if pattern.search(text):
            return f'{first}. {advice}'
    return None


def _without_worker_traceback(text: str) -> str:
    """Keep only the message of an error in a data loader's worker."""
    if 'Original Traceback' not in text:
        return text
    raised = re.findall(r'^[A-Za-z_][\w.]*(?:: .*)?$', text, re.M)
    return text[text.rindex(raised[-1]) :] if raised else text
