# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a model that is too large to measure here would take.

All of it is computed. ViT-g is that of DINOv2 (Oquab et al., 2024): width
1536, 40 blocks, 24 heads, patches of 14 pixels, SwiGLU of hidden width 4096,
LayerScale. Weights, activations, gradients and AdamW's moments are bfloat16,
as PyTorch keeps them for a model in bfloat16; the few values that LoRA and GPS
train are float32, and so are their gradients and moments. The head, what
kernels need while they run, and what the allocator wastes are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gps_seg.benchmark.growth.block_costs import (
    FLOAT32,
    FULL,
    Block,
    Maps,
    Method,
    gps,
    lora,
    lora_values,
    saved_bytes,
    step_flops,
)
from gps_seg.benchmark.growth.points import RANK

GIB = 2**30
BFLOAT16 = 2
#: Memory of common cards in GiB.
CARDS = (24, 48, 80, 141)
#: Share of a card that the sum may take; the rest is for what is left out.
USABLE = 0.9
#: Share of the columns that hold a selected entry at k = 1, as measured on
#: ViT-S/14 with pretrained weights and a segmentation loss on Kvasir-SEG.
SHARES = Maps(qkv=0.08, proj=0.09, fc1=0.10, fc2=0.02)
SECONDS_PER_HOUR = 3600
TERA = 1e12


@dataclass(frozen=True)
class Model:
    """A plain ViT with square patches.

    Args:
        name: Name.
        block: Shape of a block for an image of ``size`` x ``size`` pixels.
        depth: Number of blocks.
        patch: Side of a patch in pixels.
        size: Side of the image in pixels, a multiple of the patch.
    """

    name: str
    block: Block
    depth: int
    patch: int
    size: int

    @property
    def weights(self) -> int:
        """Number of parameters of the encoder."""
        d = self.block.width
        # Biases of the maps, two norms, and LayerScale.
        vectors = sum(out for out, _ in self.block.maps) + 4 * d
        vectors += 2 * d * self.block.layer_scale
        stem = 3 * self.patch**2 * d + d + (1 + self.block.tokens) * d
        return self.depth * (self.block.weights + vectors) + stem + 2 * d


def vit_g() -> Model:
    """DINOv2's ViT-g for images of 1022 x 1022 pixels, the multiple of 14."""
    size, patch = 1022, 14
    tokens = (size // patch) ** 2 + 1
    block = Block(tokens, 1536, 24, 4096, gated=True, layer_scale=True)
    return Model('ViT-g/14', block, depth=40, patch=patch, size=size)


class Need(NamedTuple):
    """Computed needs of one method, for a batch of one image.

    Args:
        weights: Bytes of the weights.
        gradients: Bytes of the gradients.
        moments: Bytes of the optimizer's two moments.
        values: Bytes of the trained values, if they are kept apart.
        saved: Bytes that the blocks save for the backward pass.
        flops: Operations of a training step, without the optimizer.
    """

    weights: int
    gradients: int
    moments: int
    values: int
    saved: int
    flops: float

    @property
    def gib(self) -> float:
        """Sum of the bytes in GiB; the parts may not all exist at once."""
        return sum(self[:5]) / GIB

    @property
    def card(self) -> int | None:
        """Smallest of :data:`CARDS` that it fits on; None if on none."""
        return next((c for c in CARDS if self.gib <= USABLE * c), None)

    def batch(self, card: int) -> int:
        """Largest batch whose sum fits on a card of so many GiB; 0 if none."""
        room = USABLE * card * GIB - sum(self[:4])
        return max(0, int(room // self.saved))

    def hours(self, images: int, rate: float) -> float:
        """Time of so many images: ``flops * images / rate``.

        Args:
            images: Number of images.
            rate: Rate that is achieved, in 1e12 operations per second.
        """
        return self.flops * images / (rate * TERA) / SECONDS_PER_HOUR


def needs_of(model: Model) -> Mapping[str, Need]:
    """The needs of full tuning, LoRA and GPS, plain and with recomputing.

    Example:
        >>> needs = needs_of(vit_g())
        >>> needs['gps k=1'].gib < needs['lora'].gib < needs['full'].gib
        True
    """
    methods = {'full': FULL, 'lora': lora(RANK), 'gps k=1': gps(SHARES)}
    return {
        f'{name}{", recomputing" if recompute else ""}': _need(
            model, name, method, recompute=recompute
        )
        for recompute in (False, True)
        for name, method in methods.items()
    }


def _need(model: Model, name: str, method: Method, *, recompute: bool) -> Need:
    trained, value = _trained(model, name)
    block = model.block
    saved = saved_bytes(block, method, BFLOAT16, recompute=recompute)
    flops = step_flops(block, method, recompute=recompute)
    return Need(
        weights=model.weights * BFLOAT16,
        gradients=trained * value,
        moments=2 * trained * value,
        values=0 if name == 'full' else trained * value,
        saved=model.depth * saved,
        flops=model.depth * flops,
    )


def _trained(model: Model, name: str) -> tuple[int, int]:
    """Number of values that the optimizer owns, and bytes of each."""
    if name == 'full':
        return model.weights, BFLOAT16
    if name == 'lora':
        return model.depth * lora_values(model.block, RANK), FLOAT32
    # One entry per neuron, and its bias.
    return model.depth * 2 * sum(out for out, _ in model.block.maps), FLOAT32
