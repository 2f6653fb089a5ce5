# Copyright (c) gps_seg contributors. Apache-2.0.
"""What an archive or a folder may claim, and where its files may lie."""

import io
import warnings
import zipfile

import numpy as np
import pytest
from PIL import Image

from gps_seg.datasets.conversion.pair_checks import PairError, read_member
from gps_seg.datasets.conversion.pictures import decode
from gps_seg.datasets.conversion.source_files import MAX_MEMBER, open_source


def archive_of(path, *names, content=b'x'):
    with zipfile.ZipFile(path, 'w') as archive, warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of a name that comes twice
        for name in names:
            member = zipfile.ZipInfo(name)
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return path


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('', 'names of files'),
        ('.', 'names of files'),
        ('./.', 'names of files'),
        ('images/C:x.jpg', 'names inside the archive'),
        ('images/\x1b[2J.jpg', 'names that can be printed'),
        ('images/a.jpg', 'every name once'),
        ('images/./a.jpg', 'every name once'),
        ('images//a.jpg', 'every name once'),
    ],
)
def test_a_name_that_cannot_be_that_of_a_file_is_refused(
    tmp_path, name, expected
):
    source = archive_of(tmp_path / 'a.zip', 'images/a.jpg', name)
    with pytest.raises(ValueError, match=f'source: expected {expected}, got'):
        open_source(source)


def test_one_byte_more_than_the_limit_is_not_read(tmp_path):
    zeros = bytes(MAX_MEMBER + 1)
    archive = archive_of(tmp_path / 'a.zip', 'a', content=zeros)
    assert archive.stat().st_size < MAX_MEMBER / 900
    (tmp_path / 'folder').mkdir()
    with (tmp_path / 'folder/a').open('wb') as file:
        file.truncate(MAX_MEMBER + 1)
    for source in (archive, tmp_path / 'folder'):
        files = open_source(source)
        with pytest.raises(PairError, match='a: cannot be read .expected at'):
            read_member(files, 'a')
        assert read_member(files, 'a', limit=MAX_MEMBER + 1) == zeros
        files.close()


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    (tmp_path / 'secret.jpg').write_bytes(b'secret')
    folder = tmp_path / 'folder'
    folder.mkdir()
    (folder / 'a.jpg').write_bytes(b'own')
    (folder / 'b.jpg').symlink_to('a.jpg')
    (tmp_path / 'alias').symlink_to(folder)
    for source in (folder, tmp_path / 'alias'):
        files = open_source(source)
        assert files.names == {'a.jpg', 'b.jpg'}
        assert files.read('b.jpg') == b'own'
    (folder / 'c.jpg').symlink_to('../secret.jpg')
    with pytest.raises(ValueError, match=r'inside the folder, got .*c\.jpg'):
        open_source(folder)


def test_pixels_are_counted_before_they_are_decoded(monkeypatch):
    buffer = io.BytesIO()
    Image.new('1', (40, 25)).save(buffer, format='PNG')
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 1000)
    assert decode(buffer.getvalue(), None).shape == (25, 40)
    for limit in (999, 400):  # Pillow warns first, and refuses from twice
        monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', limit)
        with pytest.raises(PairError, match=f'at most {limit} pixels'):
            decode(buffer.getvalue(), None)


def test_no_other_program_is_run_to_decode():
    """Ghostscript is what Pillow runs for PostScript."""
    postscript = (
        b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n'
    )
    assert Image.open(io.BytesIO(postscript)).format == 'EPS'
    with pytest.raises(PairError, match='expected an image file'):
        decode(postscript, 'RGB')


def test_values_are_given_as_they_are_stored():
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format='PNG')
    assert decode(buffer.getvalue(), None).tolist() == pixels.tolist()
