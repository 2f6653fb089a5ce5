# Copyright (c) gps_seg contributors. Apache-2.0.
"""A small SAM of the package segment-anything, and the same as a segmentor."""

from functools import partial

import pytest
import torch
from mmengine import ConfigDict
from torch import Tensor, nn

from gps_seg.stack import let_torchvision_import_beside_cpu_torch

SIDE, PATCH, WIDTH, HEADS, DECODER = 64, 16, 32, 2, 16
GLOBAL = [1]

BACKBONE = dict(
    type='mmpretrain.ViTSAM',
    arch=dict(
        embed_dims=WIDTH,
        num_layers=3,
        num_heads=HEADS,
        feedforward_channels=4 * WIDTH,
        global_attn_indexes=GLOBAL,
    ),
    img_size=SIDE,
    out_channels=DECODER,
    window_size=3,
)
HEAD = dict(
    type='SAMHead',
    in_channels=DECODER,
    num_heads=HEADS,
    feedforward_channels=64,
    num_classes=2,
    out_channels=1,
    threshold=0.5,
    loss_decode=[
        dict(type='CrossEntropyLoss', use_sigmoid=True, avg_non_ignore=True),
        dict(type='SoftIoULoss'),
    ],
)
SEGMENTOR = dict(
    type='EncoderDecoder',
    backbone=BACKBONE,
    decode_head=HEAD,
    test_cfg=ConfigDict(mode='whole'),
)


def needs_transformers():
    """Skip the test unless the library of the mask decoder is there."""
    let_torchvision_import_beside_cpu_torch()
    pytest.importorskip(
        'transformers',
        reason="transformers is not there: pip install '.[sam]'",
    )


def official_package():
    """The package of SAM's authors; without it the test is skipped."""
    let_torchvision_import_beside_cpu_torch()
    return pytest.importorskip(
        'segment_anything.modeling',
        reason='segment-anything is not there: pip install segment-anything',
    )


def official_vit_b() -> nn.Module:
    """The authors' SAM with ViT-B, with random values in every tensor."""
    official_package()
    from segment_anything import sam_model_registry

    return randomized(sam_model_registry['vit_b'](), std=0.05)


def official_shapes(size: str) -> dict[str, Tensor]:
    """Names and shapes of the official file of a size, without values."""
    official_package()
    from segment_anything import sam_model_registry

    with torch.device('meta'):
        return sam_model_registry[size]().state_dict()


def randomized(model: nn.Module, std: float) -> nn.Module:
    """Draw all parameters: those that start at 0 would hide mistakes."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=std, generator=generator)
    return model.eval()


def official_sam() -> nn.Module:
    """The authors' model, with random values in every tensor."""
    package = official_package()
    model = package.Sam(
        package.ImageEncoderViT(
            img_size=SIDE,
            patch_size=PATCH,
            embed_dim=WIDTH,
            depth=3,
            num_heads=HEADS,
            out_chans=DECODER,
            norm_layer=partial(nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=3,
            global_attn_indexes=GLOBAL,
        ),
        package.PromptEncoder(
            embed_dim=DECODER,
            image_embedding_size=(SIDE // PATCH, SIDE // PATCH),
            input_image_size=(SIDE, SIDE),
            mask_in_chans=16,
        ),
        package.MaskDecoder(
            transformer_dim=DECODER,
            transformer=package.TwoWayTransformer(
                depth=2, embedding_dim=DECODER, mlp_dim=64, num_heads=HEADS
            ),
            iou_head_hidden_dim=DECODER,
        ),
    )
    return randomized(model, std=0.3)


def official_masks(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Image embedding and mask logits without a prompt, image by image."""
    embeddings = model.image_encoder(images)
    sparse, dense = model.prompt_encoder(points=None, boxes=None, masks=None)
    masks = [
        model.mask_decoder(
            image_embeddings=embedding[None],
            image_pe=model.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
        )[0]
        for embedding in embeddings
    ]
    return embeddings, torch.cat(masks)
