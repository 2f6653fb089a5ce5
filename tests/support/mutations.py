# Copyright (c) gps_seg contributors. Apache-2.0.
"""Reproducible damaged files, and the results of reading them."""

import io
import json
import random
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save as save_safetensors

KINDS = ('resume', 'merged', 'state', 'legacy', 'npz', 'packed', 'safetensors')
SUFFIXES = {'npz': '.npz', 'packed': '.npz', 'safetensors': '.safetensors'}


def saved(content: object, **options: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def original(kind: str) -> bytes:
    """A small sound file of a kind that the package reads."""
    from mmengine.logging.history_buffer import HistoryBuffer

    tensors = {
        'a.weight': torch.arange(12.0).view(3, 4),
        'a.bias': torch.ones(3, dtype=torch.bfloat16),
        'steps': torch.tensor(7),
    }
    if kind in ('state', 'legacy'):
        zipped = kind == 'state'
        return saved(tensors, _use_new_zipfile_serialization=zipped)
    if kind == 'merged':
        classes = {'classes': ('a', 'b'), 'palette': [[0, 0, 0], [9, 9, 9]]}
        meta = {'dataset_meta': classes, 'cfg': 'model = dict()'}
        return saved({'meta': meta, 'state_dict': tensors})
    if kind == 'safetensors':
        return save_safetensors(tensors, {'gps_seg': '{"source_file": "x"}'})
    if kind in ('npz', 'packed'):
        arrays = {n: t.float().numpy() for n, t in tensors.items()}
        buffer = io.BytesIO()
        {'npz': np.savez, 'packed': np.savez_compressed}[kind](
            buffer, **arrays
        )
        return buffer.getvalue()
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    optimizer = {'state': {0: {'step': 3, 'exp_avg': torch.ones(4)}}}
    return saved(
        {
            'meta': {'epoch': 0, 'iter': 3, 'seed': 0},
            'state_dict': tensors,
            'message_hub': {'log_scalars': {'loss': history}},
            'optimizer': optimizer,
            'gps_seg': {'indices': {'a': torch.arange(3)}, 'shapes': (3, 4)},
            'last': np.float32(0.5),
        }
    )


def mutations(content: bytes, seed: int) -> Iterator[bytes]:
    """Yield damaged copies without end: bytes changed, moved or cut."""
    draw = random.Random(seed)
    while True:
        damaged = bytearray(content)
        for _ in range(draw.choice((1, 1, 1, 2, 4, 16))):
            _damage(damaged, draw)
        yield bytes(damaged)


def _damage(content: bytearray, draw: random.Random) -> None:
    start = draw.randrange(len(content))
    end = start + draw.choice((1, 1, 2, 4, 8, 64))
    match draw.randrange(6):
        case 0 | 1:
            content[start] = draw.randrange(256)
        case 2:
            content[start] ^= 1 << draw.randrange(8)
        case 3:
            here = draw.randrange(len(content))
            content[start:end] = content[here : here + end - start]
        case 4:
            del content[start:end]
        case 5:
            content[start:start] = content[start:end]
    if draw.random() < 0.02 or not content:
        content[draw.randrange(len(content) + 1) :] = b'!'


def read(kind: str, path: Path) -> None:
    from gps_seg.models import read_checkpoint
    from gps_seg.models.weight_files import read_provenance, read_tensors

    for reader in {
        'safetensors': (read_tensors, read_provenance),
        'resume': (read_checkpoint,),
        'merged': (read_checkpoint, read_tensors),
    }.get(kind, (read_tensors,)):
        reader(path)


def outcomes(kind: str, seed: int, count: int, folder: Path) -> Counter[str]:
    """Count the files that were read, refused, or raised another error."""
    path = folder / f'damaged{SUFFIXES.get(kind, ".pth")}'
    found: Counter[str] = Counter()
    damaged = mutations(original(kind), seed)
    for number in range(count):
        path.write_bytes(next(damaged))
        try:
            read(kind, path)
            found['read'] += 1
        except ValueError as error:
            one_line = '\n' not in str(error) and str(path) in str(error)
            found['refused' if one_line else f'{number}: {error!r}'] += 1
        except Exception as error:
            found[f'{number}: {error!r}'] += 1
    return found


def outcomes_elsewhere(
    kind: str, seed: int, count: int, folder: Path, timeout: float
) -> tuple[dict[str, int], int]:
    """Run :func:`outcomes` in a process of its own, and measure its memory.

    Returns:
        Outcomes, and the peak of the memory in bytes beyond that of a process
        that reads one file.

    Raises:
        AssertionError: If the process crashed.
    """
    done = subprocess.run(
        [sys.executable, __file__, kind, str(seed), str(count), str(folder)],
        capture_output=True,
        check=False,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
    found, grown = json.loads(done.stdout.splitlines()[-1])
    return found, grown


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(
    kind: str, seed: str, count: str, folder: str, out: Callable = print
) -> None:
    import warnings

    warnings.simplefilter('ignore')
    outcomes(kind, 0, 1, Path(folder))
    before = _peak()
    found = outcomes(kind, int(seed), int(count), Path(folder))
    out(json.dumps([found, _peak() - before]))


if __name__ == '__main__':
    main(*sys.argv[1:])
