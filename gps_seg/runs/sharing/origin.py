# Copyright (c) gps_seg contributors. Apache-2.0.
"""The origin of the base model, as the delta has it."""

from pathlib import Path

from gps_seg.delta import Delta


def origin_of_base(delta: Path) -> str:
    """Name of the pretrained weights that a delta was tuned from.

    Weights of timm have their name on the Hugging Face hub, others the name
    that the config of the training gave them.

    Args:
        delta: Delta file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a delta, or names no weights.

    Example:
        >>> import tempfile, torch
        >>> from gps_seg.delta import DeltaInfo, extract
        >>> base, tuned = {'w': torch.zeros(2)}, {'w': torch.ones(2)}
        >>> info = DeltaInfo(base={'name': 'timm/vit_tiny'})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, 'delta.safetensors')
        ...     extract(base, tuned, info=info).save(path)
        ...     print(origin_of_base(path))
        timm/vit_tiny
    """
    name = Delta.load(delta).info.base.get('name')
    if name is None:
        raise ValueError(
            f'base: expected the name of the pretrained weights in the delta, '
            f'got none ({delta}). Give --base with their origin.'
        )
    return name
