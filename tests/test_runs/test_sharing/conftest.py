"""The published folder of a small delta, made once."""

import pytest
from model_cards import ALL_NOTES
from PIL import Image

from gps_seg.runs.sharing import share


@pytest.fixture(scope='session')
def shared(task, tmp_path_factory):
    """With all that an author can tell, and a picture."""
    folder = tmp_path_factory.mktemp('shared')
    Image.effect_noise((32, 32), 50).save(folder / 'noise.png')
    out = folder / 'out'
    share(
        task / 'delta.safetensors',
        out,
        ALL_NOTES,
        preview=folder / 'noise.png',
    )
    (folder / 'noise.png').unlink()
    return out
