# Copyright (c) gps_seg contributors. Apache-2.0.
"""Fine-tune a pretrained segmentor by training only the weights that matter.

Example:
    Tune a plain torch model, which gets the trained values after each step:

    >>> import copy, tempfile, torch, gps_seg
    >>> from torch.nn import Linear, ReLU, Sequential, functional
    >>> model = Sequential()
    >>> model.backbone, model.act = Linear(16, 8), ReLU()
    >>> model.head = Linear(8, 2)
    >>> base = copy.deepcopy(model)
    >>> x, y = torch.randn(64, 16), torch.randint(2, (64,))
    >>> loss = lambda: functional.cross_entropy(model(x), y)
    >>> tuned = gps_seg.tune(model, gps_seg.GPS(k=1), losses=[loss], seed=0)
    >>> optimizer = torch.optim.AdamW(tuned.parameters(), lr=0.01)
    >>> tuned.attach(optimizer)
    >>> for _ in range(3):
    ...     loss().backward()
    ...     optimizer.step()
    ...     optimizer.zero_grad()

    Save the task as a small file, which can be applied to any copy of the
    base and reverted:

    >>> from gps_seg.delta import extract
    >>> delta = extract(base.state_dict(), model.state_dict())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     delta.save(f'{folder}/delta.safetensors')
    ...     delta = gps_seg.Delta.load(f'{folder}/delta.safetensors')
    >>> gps_seg.apply(base, delta)  # the tuned model
    >>> torch.equal(base(x), model(x))
    True
    >>> gps_seg.revert(base)  # the base again, bit for bit

The names above are loaded when they are first used. ``import gps_seg`` itself
imports neither torch nor anything else that takes time.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gps_seg.delta import Delta, apply, revert, switch
    from gps_seg.peft import GPS, tune
    from gps_seg.runs.own_folder import Task, finetune

__version__ = '0.1.0'
__all__ = [
    'GPS',
    'Delta',
    'Task',
    'apply',
    'finetune',
    'revert',
    'switch',
    'tune',
]

_HOMES = {
    'GPS': 'gps_seg.peft',
    'Delta': 'gps_seg.delta',
    'Task': 'gps_seg.runs.own_folder',
    'apply': 'gps_seg.delta',
    'finetune': 'gps_seg.runs.own_folder',
    'revert': 'gps_seg.delta',
    'switch': 'gps_seg.delta',
    'tune': 'gps_seg.peft',
}


def __getattr__(name: str) -> object:
    """Load a name of ``__all__`` when it is first used."""
    if name not in _HOMES:
        raise AttributeError(
            f'module {__name__!r} has no attribute {name!r}. It offers '
            f'{", ".join(__all__)}; everything else is imported from its '
            'folder, such as gps_seg.peft.'
        )
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value  # found directly next time
    return value


def __dir__() -> list[str]:
    """All names, including those that have not been loaded yet."""
    return sorted({*globals(), *__all__})
