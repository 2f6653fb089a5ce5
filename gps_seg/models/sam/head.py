# Copyright (c) gps_seg contributors. Apache-2.0.
"""SAM's mask decoder as a decode head (Kirillov et al., ICCV 2023, app. A).

The decoder is that of Hugging Face's transformers. It runs without a prompt:
the sparse prompt is empty, the dense one is the learned "no mask".
"""

import math
from typing import Any

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn

from gps_seg.models.sam.importing import transformers_sam

#: Masks for an ambiguous prompt, which the official decoder has beside the
#: one mask for a clear prompt.
_AMBIGUOUS = 3
#: The official layers have PyTorch's default; that of transformers is 1e-6.
_EPS = 1e-5


@MODELS.register_module()
class SAMHead(BaseDecodeHead):
    """One mask token for each output, decoded from the image embedding.

    With ``out_channels=1`` the mask is the official decoder's single one, and
    official weights fit. With more channels each class has a token and a
    hypernetwork of its own, behind the official token, which then only takes
    part in the attention. What does not reach the output is frozen: the
    prediction of the quality and the hypernetworks of the other masks.

    The logits have a quarter of the size of the image if the encoder's patches
    have 16 pixels; MMSegmentation resizes them.

    Args:
        in_channels: Channels of the image embedding; a multiple of 8 and of
            ``num_heads``.
        num_layers: Number of two-way attention layers.
        num_heads: Attention heads.
        feedforward_channels: Width of the feed-forward layers.
        init_cfg: Initialization, such as ``dict(type='Pretrained',
            prefix='decode_head', checkpoint='weights://sam-vit-base')``; None
            for PyTorch's.
        **kwargs: Settings of MMSegmentation's ``BaseDecodeHead``, such as
            ``num_classes``, ``out_channels``, ``threshold`` and
            ``loss_decode``.

    Raises:
        ImportError: If transformers is not installed.

    Example::

        decode_head = dict(
            type='SAMHead',
            num_classes=2,
            out_channels=1,
            threshold=0.5,
            loss_decode=[
                dict(
                    type='CrossEntropyLoss',
                    use_sigmoid=True,
                    avg_non_ignore=True,
                ),
                dict(type='SoftIoULoss'),
            ],
        )
    """

    def __init__(
        self,
        in_channels: int = 256,
        num_layers: int = 2,
        num_heads: int = 8,
        feedforward_channels: int = 2048,
        init_cfg: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            in_channels=in_channels,
            channels=in_channels,
            dropout_ratio=0,
            init_cfg=init_cfg,
            **kwargs,
        )
        del self.conv_seg  # the masks are logits already
        configuration, modeling = transformers_sam()
        self.mask_decoder = modeling.SamMaskDecoder(
            configuration.SamMaskDecoderConfig(
                hidden_size=in_channels,
                num_hidden_layers=num_layers,
                num_attention_heads=num_heads,
                mlp_dim=feedforward_channels,
                num_multimask_outputs=_AMBIGUOUS
                if self.out_channels == 1
                else self.out_channels,
                iou_head_hidden_dim=in_channels,
                layer_norm_eps=_EPS,
                # What is taken without a choice, but with a warning.
                attn_implementation='eager',
            )
        )
        self.no_mask_embed = nn.Embedding(1, in_channels)
        self.register_buffer('frequencies', _frequencies(in_channels))
        self._freeze_what_is_unused()

    def forward(
        self,
        inputs: tuple[Tensor, ...],  # shapes: (batch, channels, height, width)
    ) -> Tensor:  # shape: (batch, out_channels, 4 * height, 4 * width)
        """Logits of the masks."""
        embedding = self._transform_inputs(inputs)
        masks, _ = self.mask_decoder(
            image_embeddings=embedding,
            image_positional_embeddings=self._places(embedding),
            sparse_prompt_embeddings=None,
            dense_prompt_embeddings=self.no_mask_embed.weight[..., None, None],
            multimask_output=self.out_channels > 1,
        )
        return masks[:, 0]

    def _places(self, embedding: Tensor) -> Tensor:
        """Random Fourier features of the place of each position.

        Tancik et al., NeurIPS 2020: sine and cosine of the place, from -1 to
        1, times ``2 pi`` and the frequencies.
        """
        height, width = embedding.shape[-2:]
        rows = _centers(height, self.frequencies)
        columns = _centers(width, self.frequencies)
        place = torch.stack(
            torch.meshgrid(columns, rows, indexing='xy'), dim=-1
        )
        phase = 2 * math.pi * (place @ self.frequencies)
        features = torch.cat([phase.sin(), phase.cos()], dim=-1)
        return features.permute(2, 0, 1)[None].to(embedding.dtype)

    def _freeze_what_is_unused(self) -> None:
        decoder, one = self.mask_decoder, self.out_channels == 1
        mlps = decoder.output_hypernetworks_mlps
        for module in (
            decoder.iou_prediction_head,
            *(mlps[1:] if one else mlps[:1]),
        ):
            module.requires_grad_(False)


def _frequencies(channels: int) -> Tensor:  # shape: (2, channels / 2)
    """The same for every seed, because a delta does not hold them."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, channels // 2, generator=generator)


def _centers(number: int, like: Tensor) -> Tensor:  # shape: (number,)
    """Centers of equal parts of the interval from -1 to 1."""
    steps = torch.arange(number, device=like.device, dtype=like.dtype)
    return (2 * steps + 1) / number - 1
