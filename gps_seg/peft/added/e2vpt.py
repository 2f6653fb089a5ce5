# Copyright (c) gps_seg contributors. Apache-2.0.
"""E2VPT (Han et al., ICCV 2023).

Besides the tokens of VPT-Deep, the attention of each block has trained keys
and values, which all tokens meet and which are no tokens themselves. They are
appended behind the others, with a width of their own for each head. Their
initial values are those of ``kaiming_uniform_`` for a fan-in of the width of a
head: drawn from [-v, v] with v = sqrt(6 / width of a head).

Tokens can be pruned. Gates at 1 multiply each token, and each of 16 segments
of a token. The importance of a gate is ``|dL/dm|``, summed over the batches of
a pass over the training data. The least important tokens are dropped, then the
least important segments of the tokens that are left. Training starts from the
initial values of what is left, as if nothing had been trained (rewinding). The
paper scores trained prompts; here they are as trained as the warm-up before
the pass makes them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from gps_seg.additions import Added, Place, Plan
from gps_seg.additions.places import Block, packed_attention, token_blocks
from gps_seg.peft.added.prompt_pruning import PromptPruning
from gps_seg.peft.added.prompting import Prompting
from gps_seg.peft.adding import AddsModules
from gps_seg.peft.method import Choice, TrainingPass
from gps_seg.sparse import (
    Evidence,
    Owned,
    Role,
    Selection,
    owned_parameters,
)
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
        keep_tokens: Share of the tokens of each block that is left when the
            least important ones are pruned, in (0, 1]; one token at least.
        keep_segments: Share of the 16 segments of each token that is left, in
            (0, 1]; 4 segments at least.

    Raises:
        TypeError: If a value has the wrong type.
        ValueError: If a value is out of range.

    Example:
        >>> import torch
        >>> from gps_seg.peft import tune
        >>> block = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        >>> model = nn.ModuleDict(
        ...     {'backbone': nn.Sequential(block), 'head': nn.Linear(16, 2)}
        ... )
        >>> tune(model, E2VPT(prompts=5), losses=[], seed=0)
        Trainable(194 values: 0 selected entries, 194 in whole tensors)
        >>> from gps_seg.additions import detach
        >>> detach(model)
        >>> x = torch.randn(1, 5, 16)
        >>> loss = lambda: model['head'](model['backbone'](x)).square().mean()
        >>> tune(model, E2VPT(prompts=5, keep_tokens=0.4), [loss], seed=0)
        Trainable(146 values: 0 selected entries, 146 in whole tensors)
    """

    prompts: int = 50
    key_value_prompts: int = 5
    shared: bool = True
    dropout: float = 0.1
    keep_tokens: float = 1.0
    keep_segments: float = 1.0

    def __post_init__(self) -> None:
        check_whole('prompts', self.prompts, least=0)
        check_whole('key_value_prompts', self.key_value_prompts, least=1)
        check_rate('dropout', self.dropout)
        check_flag('shared', self.shared)
        if self._pruning.is_needed and not self.prompts:
            raise ValueError(
                'keep_tokens, keep_segments: expected prompts to prune, got '
                'prompts=0. Leave both out.'
            )

    @property
    def evidence(self) -> Evidence | None:
        """Absolute gradients of the gates, if anything is pruned."""
        needed = self._pruning.is_needed
        return Evidence.ABSOLUTE_GRADIENT if needed else None

    def provisional(self, model: nn.Module) -> Plan:
        """All prompts, with gates, if anything is pruned."""
        if not self._pruning.is_needed:
            return Plan()
        tokens = map(self._pruning.gated, self._tokens(model))
        return Plan([*self._keys_and_values(model), *tokens])

    def scored(
        self, model: nn.Module, roles: Mapping[str, Role]
    ) -> dict[str, Owned]:
        """The gates."""
        gates = set(self._pruning.gates(model))
        return {n: o for n, o in owned_parameters(model) if n in gates}

    def choose(
        self,
        model: nn.Module,
        weights: Mapping[str, Owned],
        passes: TrainingPass,
        seed: int,
    ) -> Choice:
        """Choose the tokens and segments that are left."""
        if self.evidence is None:
            return super().choose(model, weights, passes, seed)
        (sums,) = passes(self.evidence)
        kept = self._pruning.chosen(model, sums)
        return Choice(Selection({}, {}), structure={'kept': kept})

    def additions(self, model: nn.Module, choice: Choice | None) -> Plan:
        """Tokens, keys and values in each block.

        Before the choice the first tokens and segments are left.
        """
        tokens = self._tokens(model)
        if self._pruning.is_needed:
            kept = {} if choice is None else choice.structure['kept']
            tokens = [
                self._pruning.pruned(one, kept.get(str(one.place)))
                for one in tokens
            ]
        return Plan([*self._keys_and_values(model), *tokens])

    def ignored(self, given: frozenset[str]) -> Mapping[str, str]:
        """The settings of the pass, if nothing is pruned."""
        return {} if self._pruning.is_needed else super().ignored(given)

    @property
    def _pruning(self) -> PromptPruning:
        return PromptPruning(self.keep_tokens, self.keep_segments)

    def _tokens(self, model: nn.Module) -> list[Added]:
        if not self.prompts:
            return []
        tokens = Prompting(self.encoder, self.prompts, self.dropout)
        return tokens.in_each_block(model)

    def _keys_and_values(self, model: nn.Module) -> list[Added]:
        return [
            self._in_attention(model, block)
            for block in token_blocks(model, self.encoder)
        ]

    def _in_attention(self, model: nn.Module, block: Block) -> Added:
        attention = packed_attention(model, block)
        settings = {
            'shape': [self.key_value_prompts, block.width],
            'bound': math.sqrt(6 * attention.heads / block.width),
            'shared': self.shared,
        }
        return Added('key_value_prompts', Place(attention.name), settings)
