# Copyright (c) gps_seg contributors. Apache-2.0.
"""What a block of a ViT costs, by formulas.

They are derived from what each module saves for the backward pass and
multiplies in it, for one image. ``n`` is the number of tokens, ``d`` the
width. The fused attention is assumed, which keeps no ``n x n`` matrix.
"""

from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from gps_seg.sparse.training.parts import is_compressed

#: Bytes of a value, as of the statistics of norms and attention in any case.
FLOAT32 = 4

T = TypeVar('T')


@dataclass(frozen=True)
class Block:
    """Shape of a block.

    Args:
        tokens: Number of tokens.
        width: Length of a token.
        heads: Number of heads of attention.
        hidden: Hidden width of the MLP.
        gated: Whether the MLP is a SwiGLU, whose first map has twice the
            hidden width; else there is a GELU.
        layer_scale: Whether LayerScale follows attention and MLP.
    """

    tokens: int
    width: int
    heads: int
    hidden: int
    gated: bool = False
    layer_scale: bool = False

    @property
    def maps(self) -> 'Maps[tuple[int, int]]':
        """Shape (out, in) of each linear map."""
        d, hidden = self.width, self.hidden
        return Maps(
            (3 * d, d), (d, d), ((1 + self.gated) * hidden, d), (d, hidden)
        )

    @property
    def weights(self) -> int:
        """Number of entries of the linear maps."""
        return sum(out * fan_in for out, fan_in in self.maps)


class Maps(NamedTuple, Generic[T]):
    """One value for each linear map of a block."""

    qkv: T
    proj: T
    fc1: T
    fc2: T


#: Shares of the input columns that the gradients of the weights need.
NO_COLUMNS = Maps(0.0, 0.0, 0.0, 0.0)
ALL_COLUMNS = Maps(1.0, 1.0, 1.0, 1.0)


class Method(NamedTuple):
    """What a method needs of the inputs of linear maps.

    Args:
        columns: Share of the input columns of each linear map that the
            gradient of its weight needs; 0 if it has none.
        rank: Rank of a LoRA on every map, with q, k and v apart; 0 for none.
        norms: Whether norms and LayerScale train.
    """

    columns: Maps[float] = NO_COLUMNS
    rank: int = 0
    norms: bool = False


BIAS = Method()
FULL = Method(ALL_COLUMNS, norms=True)


def lora(rank: int) -> Method:
    """LoRA on every linear map."""
    return Method(rank=rank)


def gps(columns: Maps[float]) -> Method:
    """GPS with the columns that hold a selected entry."""
    return Method(columns)


def saved_parts(
    block: Block, method: Method, *, recompute: bool = False
) -> dict[str, int]:
    """Values per token that a block saves for the backward pass.

    Args:
        block: Shape of the block.
        method: Method.
        recompute: Whether the backward pass runs the second norm, ``fc1`` and
            the activation again, so that nothing of them is kept.

    Example:
        >>> saved_parts(Block(1025, 768, 12, 3072), BIAS)['q, k, v'] / 768
        3.0
    """
    d, hidden = block.width, block.hidden
    kept = _kept_inputs(block, method)
    parts = {
        'inputs of norms': 2 * d,
        'q, k, v': 3 * d,
        'output of attention': d,
        # SiLU keeps its input, the product both of its factors.
        'input of the activation': (3 if block.gated else 1) * hidden,
        'input of qkv': kept.qkv,
        # The output of attention is kept anyway.
        'input of proj': 0 if kept.proj == d else kept.proj,
        'input of fc1': kept.fc1,
        'input of fc2': kept.fc2,
        'inside LoRA': 6 * method.rank,
        'input of LayerScale': 2 * d * (block.layer_scale and method.norms),
    }
    if recompute:
        for name in ('input of the activation', 'input of fc1'):
            parts[name] = 0
        parts['input of fc2'] = 0
    return parts


def _kept_inputs(block: Block, method: Method) -> Maps[int]:
    """Columns of each map's input that are kept."""
    if method.rank:
        return Maps(*(fan_in for _, fan_in in block.maps))
    return columns_used(block, method.columns)


def columns_used(block: Block, shares: Maps[float]) -> Maps[int]:
    """Number of input columns in each product for a weight's gradient.

    The engine takes all of them if they are most of the fan-in.
    """

    def used(share: float, fan_in: int) -> int:
        columns = round(share * fan_in)
        return columns if is_compressed(columns, fan_in) else fan_in

    return Maps(
        *(
            used(share, fan_in)
            for share, (_, fan_in) in zip(shares, block.maps, strict=True)
        )
    )


def saved_bytes(
    block: Block, method: Method, value: int, *, recompute: bool = False
) -> int:
    """Bytes that a block saves for the backward pass of one image.

    Args:
        block: Shape of the block.
        method: Method.
        value: Bytes of a value: 4 in float32, 2 in bfloat16.
        recompute: See :func:`saved_parts`.

    Example:
        >>> vit_b = Block(1025, 768, 12, 3072)
        >>> round(saved_bytes(vit_b, BIAS, 4) / 2**20, 1)
        30.1
        >>> round(saved_bytes(vit_b, FULL, 4) / 2**20, 1)
        48.1
    """
    parts = saved_parts(block, method, recompute=recompute)
    # Mean and deviation of two norms, and a sum of exponentials per head.
    statistics = (4 + block.heads) * FLOAT32
    return block.tokens * (sum(parts.values()) * value + statistics)


def forward_flops(block: Block) -> int:
    """Operations of the forward pass of one image; an addition is one."""
    return 2 * block.tokens * block.weights + _attention_flops(block)


def _attention_flops(block: Block) -> int:
    """Two products of ``n x n x d``."""
    return 4 * block.tokens**2 * block.width


def step_flops(
    block: Block,
    method: Method,
    *,
    recompute: bool = False,
    attention_backward: float = 2.5,
) -> float:
    """Operations of the forward and the backward pass of one image.

    Args:
        block: Shape of the block.
        method: Method.
        recompute: See :func:`saved_parts`.
        attention_backward: Cost of attention's backward pass over that of its
            forward pass. The fused kernel has five products for two, as it
            forms the ``n x n`` matrix again; without that it is 2.

    Example:
        >>> vit_b = Block(1025, 768, 12, 3072)
        >>> round(step_flops(vit_b, FULL) / forward_flops(vit_b), 2)
        3.09
    """
    n = block.tokens
    both_ways = 2 * 2 * n * block.weights
    attention = (1 + attention_backward) * _attention_flops(block)
    again = 2 * n * block.width * block.maps.fc1[0] if recompute else 0
    used = columns_used(block, method.columns)
    of_weights = sum(
        2 * n * out * columns
        for (out, _), columns in zip(block.maps, used, strict=True)
    )
    return (
        both_ways + attention + again + of_weights + _lora_flops(block, method)
    )


def _lora_flops(block: Block, method: Method) -> int:
    """Three products with each thin matrix, with q, k and v apart."""
    return 3 * 2 * block.tokens * lora_values(block, method.rank)


def lora_values(block: Block, rank: int) -> int:
    """Number of values of a LoRA on every map, with q, k and v apart.

    Example:
        >>> lora_values(Block(5, 32, 2, 128), rank=1)
        576
    """
    d = block.width
    thin = 4 * (d + d)
    return rank * (thin + sum(map(sum, block.maps[2:])))
