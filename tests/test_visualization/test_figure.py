"""Pictures are whole or absent."""

import errno

import pytest
from matplotlib.figure import Figure
from PIL import Image

from gps_seg.visualization.figure import new_figure, save_png


def test_picture_is_a_png_of_the_size_asked_for(tmp_path):
    path = save_png(new_figure(2, 1), tmp_path / 'new' / 'x.png', dpi=50)

    with Image.open(path) as picture:
        assert picture.format == 'PNG'
        assert picture.size == (100, 50)
    assert [file.name for file in path.parent.iterdir()] == ['x.png']


def test_full_disk_leaves_the_old_picture(tmp_path, monkeypatch):
    target = tmp_path / 'x.png'
    target.write_bytes(b'old')

    def write_half(figure, path, **options):
        path.write_bytes(b'half')
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(Figure, 'savefig', write_half)
    with pytest.raises(OSError, match='No space left'):
        save_png(new_figure(1, 1), target)

    assert [file.name for file in tmp_path.iterdir()] == ['x.png']
    assert target.read_bytes() == b'old'


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(ValueError, match='out_png: expected a name that ends'):
        save_png(new_figure(1, 1), tmp_path / 'x.jpg')
    assert not list(tmp_path.iterdir())
