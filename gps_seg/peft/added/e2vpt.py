# Copyright (c) gps_seg contributors. Apache-2.0.
"""E2VPT without its pruning (Han et al., ICCV 2023).

Besides the tokens of VPT-Deep, the attention of each block has trained keys
and values, which all tokens meet and which are no tokens themselves. They are
appended behind the others, with a width of their own for each head. Their
initial values are those of ``kaiming_uniform_`` for a fan-in of the width of a
head: drawn from [-v, v] with v = sqrt(6 / width of a head).

The paper then scores the prompts of a trained model by gates at 1 (the
gradient of the loss with respect to the gate of each token, and of each of 16
segments of a token), drops the lowest, and trains the rest from their initial
values. This is not done here: it needs a training before the structure of the
model is known.
"""

import math
from dataclasses import dataclass

from torch import nn

from gps_seg.additions import Added, Place, Plan
from gps_seg.additions.places import Block, packed_attention, token_blocks
from gps_seg.peft.added.prompting import Prompting
from gps_seg.peft.adding import AddsModules
from gps_seg.peft.method import Choice
from gps_seg.sparse.checks import check_flag, check_rate, check_whole


@dataclass(frozen=True, kw_only=True)
class E2VPT(AddsModules):
    """Add trained tokens, and trained keys and values, to a frozen ViT.

    Feature maps have the shapes that they have without prompts.

    Args:
        encoder: Name of the pretrained submodule; everything outside of it
            trains whole.
        prompts: Number of tokens for each block; 0 for none.
        key_value_prompts: Number of keys and values for each block.
        shared: Whether the trained values are the trained keys.
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
        >>> tune(model, E2VPT(prompts=5), losses=[], seed=0)
        Trainable(194 values: 0 selected entries, 194 in whole tensors)
    """

    prompts: int = 50
    key_value_prompts: int = 5
    shared: bool = True
    dropout: float = 0.1

    def __post_init__(self) -> None:
        check_whole('prompts', self.prompts, least=0)
        check_whole('key_value_prompts', self.key_value_prompts, least=1)
        check_rate('dropout', self.dropout)
        check_flag('shared', self.shared)

    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """Tokens, keys and values in each block."""
        added = [
            self._keys_and_values(model, block)
            for block in token_blocks(model, self.encoder)
        ]
        if self.prompts:
            tokens = Prompting(self.encoder, self.prompts, self.dropout)
            added += tokens.in_each_block(model)
        return Plan(added)

    def _keys_and_values(self, model: nn.Module, block: Block) -> Added:
        attention = packed_attention(model, block)
        settings = {
            'shape': [self.key_value_prompts, block.width],
            'bound': math.sqrt(6 * attention.heads / block.width),
            'shared': self.shared,
        }
        return Added('key_value_prompts', Place(attention.name), settings)
