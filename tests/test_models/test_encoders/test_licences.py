"""Licences of weights of timm."""

import pytest
from timm_models import needs_timm

from gps_seg.models.encoders.licences import licence_of

pytestmark = pytest.mark.optional


@pytest.mark.parametrize(
    ('name', 'licence'),
    [
        ('vit_small_patch16_dinov3.lvd1689m', 'dinov3-license'),
        ('convnextv2_atto.fcmae', 'cc-by-nc-4.0'),
        ('vit_small_patch16_dinov3.mine', None),
        ('a_model_of_my_own', None),
    ],
)
def test_the_licence_is_what_timm_says(name, licence):
    needs_timm()
    assert licence_of(f'timm://{name}') == licence
