# Copyright (c) gps_seg contributors. Apache-2.0.
"""A LoRA task in the layout of Hugging Face's PEFT library.

That layout is a configuration and a safetensors file. The tensors of the
update of a module ``m`` are called ``base_model.model.m.lora_A.weight`` and
``...lora_B.weight``; those of a module that trained whole, its own names after
``base_model.model.``. The library computes ``W + alpha / r * B A`` and knows
no update of some rows: several updates of one packed projection become one,
whose ``B`` is zero outside of their rows.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gps_seg.additions import Added
from gps_seg.additions.names import host_of, prefix_of
from gps_seg.delta.delta import Delta

_KIND = 'low_rank'
_PREFIX = 'base_model.model.'


class PeftAdapter(NamedTuple):
    """Content of the two files of the PEFT library.

    Args:
        config: Content of ``adapter_config.json``.
        tensors: Content of ``adapter_model.safetensors``.
    """

    config: dict[str, Any]
    tensors: dict[str, Tensor]


class _Update(NamedTuple):
    """Update of one whole weight: ``scale * b @ a``."""

    a: Tensor  # shape: (rank, in)
    b: Tensor  # shape: (out, rank)
    scale: float


def peft_adapter(model: nn.Module, delta: Delta) -> PeftAdapter:
    """Write a LoRA task as an adapter of the PEFT library.

    Args:
        model: Model to which the delta has been applied; not changed.
        delta: Delta of a task that was tuned with LoRA.

    Raises:
        ValueError: If the task has something that the library's LoRA cannot
            express: other additions, changed entries of the encoder, or an
            update of a packed projection of ``nn.MultiheadAttention``.

    Example:
        >>> peft_adapter(nn.Linear(2, 2), Delta({}))
        Traceback (most recent call last):
        ValueError: peft: expected a task that was tuned with LoRA, got ...
    """
    hosts = _hosts(model, delta)
    state = model.state_dict()
    updates = {
        host: _update(model.get_submodule(host), parts, state)
        for host, parts in hosts.items()
    }
    whole = _whole_modules(delta, hosts)
    tensors = {}
    for host, update in updates.items():
        tensors[f'{_PREFIX}{host}.lora_A.weight'] = update.a
        tensors[f'{_PREFIX}{host}.lora_B.weight'] = update.b
    for name, tensor in state.items():
        if name.partition('.')[0] in whole:
            tensors[f'{_PREFIX}{name}'] = tensor
    return PeftAdapter(
        _config(updates, whole, _dropout(delta)),
        {name: t.detach().cpu().contiguous() for name, t in tensors.items()},
    )


def _hosts(model: nn.Module, delta: Delta) -> dict[str, list[Added]]:
    """Additions by the linear module that they belong to."""
    kinds = {one.kind for one in delta.info.plan}
    if kinds != {_KIND}:
        raise ValueError(
            'peft: expected a task that was tuned with LoRA, got '
            f'{", ".join(sorted(kinds)) or "one that adds nothing"}. '
            'tools/delta.py merge writes a plain checkpoint of any task that '
            'can be folded.'
        )
    hosts: dict[str, list[Added]] = {}
    for one in delta.info.plan:
        host = host_of(one)
        _check_host(model, host)
        hosts.setdefault(host, []).append(one)
    return hosts


def _check_host(model: nn.Module, host: str) -> None:
    parent = model.get_submodule(host.rpartition('.')[0])
    module = model.get_submodule(host)
    # Its out_proj is a Linear that is never called.
    packed = isinstance(parent, nn.MultiheadAttention)
    if packed or not isinstance(module, nn.Linear):
        raise ValueError(
            'peft: expected updates of nn.Linear, got one of '
            f'nn.MultiheadAttention ({host}), which PEFT wraps in another '
            'way. tools/delta.py merge folds it into the weights.'
        )


def _whole_modules(delta: Delta, hosts: Iterable[str]) -> list[str]:
    """Children of the model that trained whole, such as ``decode_head``."""
    tuned = {host.partition('.')[0] for host in hosts}
    whole: dict[str, None] = {}
    for name, change in delta.without_added().changes.items():
        child, dot, _ = name.partition('.')
        if change.indices is not None or not dot or child in tuned:
            raise ValueError(
                'peft: expected changes in updates of low rank and in whole '
                f'modules beside the encoder, got a change of {name}. '
                'tools/delta.py merge writes a plain checkpoint.'
            )
        whole[child] = None
    return list(whole)


def _update(
    module: nn.Module, parts: list[Added], state: dict[str, Tensor]
) -> _Update:
    """Several updates of rows of one weight as one of the whole weight."""
    outputs, _ = module.get_parameter('weight').shape
    scale = float(parts[0].settings['scale'])
    thin, wide = [], []
    for one in parts:
        start, stop = one.place.rows or (0, outputs)
        a, b = (state[f'{prefix_of(one)}{name}'] for name in 'ab')
        rows = torch.zeros(outputs, len(a), dtype=b.dtype, device=b.device)
        rows[start:stop] = b * (float(one.settings['scale']) / scale)
        thin.append(a)
        wide.append(rows)
    return _Update(torch.cat(thin), torch.cat(wide, dim=1), scale)


def _dropout(delta: Delta) -> float:
    """The rate that all updates have, or 0: it matters in training alone."""
    rates = {float(one.settings['dropout']) for one in delta.info.plan}
    return rates.pop() if len(rates) == 1 else 0.0


def _config(
    updates: dict[str, _Update], whole: list[str], dropout: float
) -> dict[str, Any]:
    ranks = {host: len(update.a) for host, update in updates.items()}
    alphas = {
        host: update.scale * len(update.a) for host, update in updates.items()
    }
    rank, alpha = next(iter(ranks.values())), next(iter(alphas.values()))
    return {
        'peft_type': 'LORA',
        'task_type': None,
        'base_model_name_or_path': None,
        'inference_mode': True,
        'r': rank,
        'lora_alpha': alpha,
        'lora_dropout': dropout,
        'bias': 'none',
        'fan_in_fan_out': False,
        'use_rslora': False,
        'target_modules': list(updates),
        'modules_to_save': whole or None,
        'rank_pattern': {h: r for h, r in ranks.items() if r != rank},
        'alpha_pattern': {h: a for h, a in alphas.items() if a != alpha},
    }
