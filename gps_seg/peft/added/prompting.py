# Copyright (c) gps_seg contributors. Apache-2.0.
"""Trained tokens in the blocks of a ViT, as additions."""

import math
from dataclasses import dataclass

from torch import nn

from gps_seg.additions import Added, Place
from gps_seg.additions.places import (
    Block,
    num_prefix_tokens,
    token_blocks,
    window_attentions,
)


@dataclass(frozen=True)
class Prompting:
    """How many tokens there are, and how they are dropped in training.

    Args:
        encoder: Name of the pretrained submodule.
        prompts: Number of tokens.
        dropout: Probability to drop a value of a token.
    """

    encoder: str
    prompts: int
    dropout: float

    def in_each_block(self, model: nn.Module) -> list[Added]:
        """Tokens of its own for each block, gone behind it.

        In Swin they are in each window of the block.

        Raises:
            ValueError: If the encoder takes no tokens.
        """
        windows = window_attentions(model, self.encoder)
        if windows:
            return [self._in_windows(model, *window) for window in windows]
        prefix = num_prefix_tokens(model, self.encoder)
        return [
            Added(
                'prompts',
                Place(block.name),
                {**self._settings(model, block.width), 'prefix': prefix},
            )
            for block in token_blocks(model, self.encoder)
        ]

    def _in_windows(
        self, model: nn.Module, block: Block, attention: str
    ) -> Added:
        norm = block.attention_norm or ''
        settings = {
            **self._settings(model, block.width),
            'norm': norm.removeprefix(f'{block.name}.'),
            'attention': attention.removeprefix(f'{block.name}.'),
        }
        return Added('window_prompts', Place(block.name), settings)

    def through_all_blocks(self, model: nn.Module) -> list[Added]:
        """Tokens before the first block that pass through all of them.

        Raises:
            ValueError: If the encoder takes no tokens, or its blocks differ
                in width.
        """
        if window_attentions(model, self.encoder):
            raise ValueError(
                'deep=False: expected blocks through which the same prompts '
                'can pass, got windows that change from block to block '
                f"('{self.encoder}'). Use deep=True."
            )
        found = token_blocks(model, self.encoder)
        widths = sorted({block.width for block in found})
        if len(widths) > 1:
            raise ValueError(
                'deep=False: expected blocks of one width, through which the '
                f'same prompts can pass, got widths {widths}. Use deep=True.'
            )
        settings = {
            **self._settings(model, widths[0]),
            'prefix': num_prefix_tokens(model, self.encoder),
            'blocks': [
                block.name.removeprefix(f'{self.encoder}.') for block in found
            ],
        }
        return [Added('carried_prompts', Place(self.encoder), settings)]

    def _settings(self, model: nn.Module, width: int) -> dict[str, object]:
        return {
            'shape': [self.prompts, width],
            'bound': math.sqrt(6 / (self._patch_size(model, width) + width)),
            'dropout': self.dropout,
        }

    def _patch_size(self, model: nn.Module, width: int) -> int:
        """Number of values in a patch; the width without a patch embedding.

        A patch embedding is the first convolution: 3 x 16 x 16 values.
        """
        for module in model.get_submodule(self.encoder).modules():
            if isinstance(module, nn.Conv2d):
                return module.weight[0].numel()
        return width
