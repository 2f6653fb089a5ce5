# Copyright (c) gps_seg contributors. Apache-2.0.
"""VPT: trained tokens in a frozen encoder (Jia et al., ECCV 2022).

The tokens stand between the class token and the patches. Deep: each block has
its own, and what the block makes of them is dropped. Shallow: tokens before
the first block pass through all of them. Their initial values are drawn from
[-v, v] with v = sqrt(6 / (3 patch^2 + width)). In Swin the tokens of a block
are in each of its windows; only deep prompts are possible there.

The encoder stays in training mode, so that a drop path in the config acts; the
authors keep it in evaluation mode. There is no projection of the prompts.
"""

from dataclasses import dataclass

from torch import nn

from gps_seg.additions import Plan
from gps_seg.peft.added.prompting import Prompting
from gps_seg.peft.adding import AddsModules
from gps_seg.peft.method import Choice
from gps_seg.sparse.checks import check_flag, check_rate, check_whole


@dataclass(frozen=True, kw_only=True)
class VPT(AddsModules):
    """Add trained tokens to the blocks of a frozen ViT or Swin.

    Feature maps have the shapes that they have without prompts.

    Args:
        encoder: Name of the pretrained submodule; everything outside of it
            trains whole.
        prompts: Number of tokens, for each block if deep.
        deep: Whether each block has its own tokens.
        dropout: Probability to drop a value of a token in training.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range.

    Example:
        >>> from gps_seg.peft import tune
        >>> block = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        >>> model = nn.ModuleDict(
        ...     {'backbone': nn.Sequential(block), 'head': nn.Linear(16, 2)}
        ... )
        >>> tune(model, VPT(prompts=5), losses=[], seed=0)
        Trainable(114 values: 0 selected entries, 114 in whole tensors)
    """

    prompts: int = 50
    deep: bool = True
    dropout: float = 0.1

    def __post_init__(self) -> None:
        check_whole('prompts', self.prompts, least=1)
        check_rate('dropout', self.dropout)
        check_flag('deep', self.deep)

    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """Tokens in each block, or tokens that pass through all of them."""
        prompting = Prompting(self.encoder, self.prompts, self.dropout)
        if self.deep:
            return Plan(prompting.in_each_block(model))
        return Plan(prompting.through_all_blocks(model))
