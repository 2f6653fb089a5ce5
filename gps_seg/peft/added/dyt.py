# Copyright (c) gps_seg contributors. Apache-2.0.
"""DyT: bottlenecks beside the MLPs, which many tokens skip.

Zhao et al., NeurIPS 2024; the equations are in
:mod:`gps_seg.additions.kinds.tokens.token_selection` and
:mod:`gps_seg.additions.kinds.tokens.complete_pass`. The bottlenecks are those
of AdaptFormer. The variant with several experts is not here.
"""

from dataclasses import dataclass

from torch import nn

from gps_seg.additions import Added, Place, Plan
from gps_seg.additions.places import Block, blocks, num_prefix_tokens
from gps_seg.peft.added.adaptformer import AdaptFormer
from gps_seg.peft.method import Choice
from gps_seg.sparse.checks import check_flag, check_share

#: Layers whose outputs are the logits, in models of MMSegmentation and
#: MMPretrain.
_CLASSIFIERS = ('decode_head.conv_seg', 'head.fc')


@dataclass(frozen=True, kw_only=True)
class DyT(AdaptFormer):
    """Let some tokens of a frozen ViT skip the MLPs, beside bottlenecks.

    Args:
        encoder: Name of the pretrained submodule; everything outside of it
            trains whole.
        rank: Width of the bottlenecks.
        scale: Factor of their outputs.
        dropout: Probability to drop a value in a bottleneck.
        activation: ``'relu'``, ``'gelu'`` or ``'silu'``.
        rate: Share of the tokens that should pass an MLP.
        complete: Whether each step runs a second pass in which no token
            skips; it needs a model of MMSegmentation or MMPretrain.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range.

    Example:
        >>> DyT(rank=8, rate=0.7).rate
        0.7
    """

    rate: float = 0.5
    complete: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_share('rate', self.rate)
        check_flag('complete', self.complete)

    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """The bottlenecks, the selection of tokens, and the second pass."""
        found = blocks(model, self.encoder)
        self._check(model, found)
        start = f'{self.encoder}.'
        settings = {
            'mlps': [
                f'{block.mlp}.layers'.removeprefix(start) for block in found
            ],
            'width': found[0].width,
            'prefix': num_prefix_tokens(model, self.encoder),
            'rate': self.rate,
        }
        added = [Added('token_selection', Place(self.encoder), settings)]
        if self.complete:
            second = {'classifier': _classifier(model)}
            added.append(Added('complete_pass', Place(''), second))
        return Plan([*super().additions(model, choice), *added])

    def _check(self, model: nn.Module, found: list[Block]) -> None:
        """Raise ValueError unless the encoder is a ViT without checkpoints."""
        encoder = model.get_submodule(self.encoder)
        reason = _why_not(model, found)
        if reason:
            raise ValueError(
                'encoder: expected a plain ViT of MMSegmentation or '
                f'MMPretrain, got {type(encoder).__name__} '
                f"('{self.encoder}'): {reason}. Tune this "
                'encoder by a method that skips no tokens.'
            )
        if any(getattr(one, 'with_cp', False) for one in encoder.modules()):
            raise ValueError(
                f"with_cp: expected False in '{self.encoder}', got True. A "
                'part that is recomputed does not know for which of the two '
                'passes, and the rate of tokens would have no gradient.'
            )


def _why_not(model: nn.Module, found: list[Block]) -> str:
    """Why tokens cannot skip the MLPs of these blocks; empty if they can."""
    if not found:
        return 'it has no blocks with an MLP'
    widths = sorted({block.width for block in found})
    if len(widths) > 1:
        return (
            f'its blocks are {widths} wide, in stages of unequal numbers of '
            'tokens, so that a rate of tokens does not say what is saved'
        )
    for block in found:
        layers = f'{block.mlp}.layers' in dict(model.named_modules())
        if block.layout == 'map' or not (layers and block.map('fc1')):
            return f'{block.name} has no FFN of MMCV that works token by token'
    return ''


def _classifier(model: nn.Module) -> str:
    modules = dict(model.named_modules())
    for name in _CLASSIFIERS:
        if name in modules:
            return name
    raise ValueError(
        'complete: expected a model with a layer of logits among '
        f'{list(_CLASSIFIERS)}, got {type(model).__name__} without. Use '
        'complete=False.'
    )
