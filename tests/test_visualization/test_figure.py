"""Pictures are whole or absent, in the format that their name asks for."""

import errno

import pytest
from matplotlib.figure import Figure
from PIL import Image

from gps_seg.visualization.figure import (
    add_legend,
    new_figure,
    save_figure,
    shortened,
)


def test_picture_is_an_opaque_png_of_the_size_asked_for(tmp_path):
    path = save_figure(new_figure(2, 1), tmp_path / 'new' / 'x.png', dpi=50)
    with Image.open(path) as picture:
        assert picture.format == 'PNG'
        assert picture.size == (100, 50)
        assert picture.mode == 'RGB'
        assert picture.info['dpi'] == pytest.approx((50, 50), abs=0.1)
    assert [file.name for file in path.parent.iterdir()] == ['x.png']


@pytest.mark.parametrize(
    ('name', 'beginning'),
    [('x.svg', b'<?xml'), ('x.pdf', b'%PDF'), ('X.PNG', b'\x89PNG')],
)
def test_the_ending_names_the_format(tmp_path, name, beginning):
    path = save_figure(new_figure(2, 1), tmp_path / name)
    assert path.read_bytes().startswith(beginning)


@pytest.mark.parametrize('suffix', ['png', 'svg', 'pdf'])
def test_the_same_figure_gives_the_same_file(tmp_path, monkeypatch, suffix):
    first, second = (
        save_figure(labelled(), tmp_path / f'{name}.{suffix}').read_bytes()
        for name in 'ab'
    )
    assert first == second
    assert b'2026' not in first  # the date


def labelled():
    figure = new_figure(2, 1)
    axes = figure.subplots()
    axes.plot([0, 1])
    axes.set_clip_on(True)
    axes.set_title('a title')
    return figure


def test_letters_of_a_pdf_can_be_edited(tmp_path):
    path = save_figure(labelled(), tmp_path / 'x.pdf')
    assert b'/Type3' not in path.read_bytes()
    assert b'/FontFile2' in path.read_bytes()


def test_full_disk_leaves_the_old_picture(tmp_path, monkeypatch):
    target = tmp_path / 'x.png'
    target.write_bytes(b'old')

    def write_half(figure, path, **options):
        path.write_bytes(b'half')
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(Figure, 'savefig', write_half)
    with pytest.raises(OSError, match='No space left'):
        save_figure(new_figure(1, 1), target)
    assert [file.name for file in tmp_path.iterdir()] == ['x.png']
    assert target.read_bytes() == b'old'


@pytest.mark.parametrize('name', ['x.jpg', 'x', 'png'])
def test_another_ending_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match=r'ends in \.png, \.svg, \.pdf'):
        save_figure(new_figure(1, 1), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_no_legend_without_entries():
    figure = new_figure(1, 1)
    add_legend(figure, [])
    assert not figure.legends


@pytest.mark.parametrize('length', [3, 8, 9])
def test_a_long_name_keeps_both_its_ends(length):
    text = 'abcdefghij'
    short = shortened(text, length)
    head, tail = short.split('…')
    assert len(short) == length
    assert text.startswith(head) and text.endswith(tail) and tail
    assert shortened(text, 10) == text
