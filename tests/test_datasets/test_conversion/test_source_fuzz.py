# Copyright (c) gps_seg contributors. Apache-2.0.
"""Archives and folders from strangers: converted, or refused for a reason.

Each case is a small data set with up to four faults, drawn from its number.
Ten thousand of them:

    pytest -m slow tests/test_datasets/test_conversion/test_source_fuzz.py
"""

import io
import json
import os
import random
import resource
import shutil
import struct
import tarfile
import warnings
import zipfile
import zlib
from functools import cache

import mat4py
import numpy as np
import pytest
from PIL import Image

from gps_seg.datasets import convert_ade20k, convert_kvasir_seg
from gps_seg.datasets.conversion.flowers102 import (
    convert_flowers102,
)
from gps_seg.datasets.split_lists import SplitLists

SPLITS = SplitLists({'train': ('a', 'b'), 'val': ('c',)})
#: By which the peak of the process may grow, in KiB: room for an image of 89
#: million pixels, which takes 14 bytes for each.
MOST_MEMORY = 2 * 2**20


def encoded(pixels, kind):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=kind)
    return buffer.getvalue()


@cache
def image(seed):
    rng = np.random.default_rng(seed)
    return encoded(rng.integers(0, 256, (12, 16, 3), np.uint8), 'JPEG')


def mask(white):
    pixels = np.zeros((12, 16), np.uint8)
    pixels[3:9, 4:11] = white
    return pixels


def kvasir_files():
    files = {f'images/{id_}.jpg': image(ord(id_)) for id_ in 'abc'}
    return files | {
        f'masks/{id_}.jpg': encoded(mask(255), 'JPEG') for id_ in 'abc'
    }


def ade20k_files():
    files = {}
    for split, number in (('training', 2), ('validation', 1)):
        for n in range(number):
            files[f'images/{split}/{n}.jpg'] = image(n)
            annotation = encoded(mask(150), 'PNG')
            files[f'annotations/{split}/{n}.png'] = annotation
    return files


def mat(**variables):
    buffer = io.BytesIO()
    buffer.close = lambda: None  # mat4py closes what it is given
    mat4py.savemat(buffer, variables)
    return buffer.getvalue()


@cache
def flowers_lists():
    names = [f'image_{n:05d}.jpg' for n in (1, 2, 3)]
    return {
        'imagelabels.mat': mat(labels=[1, 2, 3, 1, 2, 3]),
        'setid.mat': mat(trnid=[1, 2], valid=[3, 4], tstid=[5, 6]),
        'vtab1k_split.json': json.dumps(
            {'train': names[:2], 'val': names[2:]}
        ).encode(),
    }


def flowers_files():
    images = {f'jpg/image_{n:05d}.jpg': image(n) for n in range(1, 7)}
    return images | flowers_lists()


CONVERTERS = {
    'kvasir': (
        kvasir_files,
        lambda s, t: convert_kvasir_seg(s, t, splits=SPLITS),
    ),
    'ade20k': (ade20k_files, lambda s, t: convert_ade20k(s, t, partial=True)),
    'flowers': (
        flowers_files,
        lambda s, t: convert_flowers102(s, t, check_size=False),
    ),
}
ODD_NAMES = (
    *('', '.', './.', '..', '../{}', '../../victim', '/tmp/{}', '\\{}'),
    *('C:\\{}', 'C:{}', '\\\\host\\{}', 'a/../../{}', './{}', 'x/{}', '{}/'),
    *('{}.', '\x1b[31m{}', 'ä/{}', '{}\udcff', 'images/' + 300 * 'n' + '.jpg'),
    *('jpg/sub/image_00001.jpg', '__MACOSX/{}', 'CON', '{} ', 'IMAGES/a.jpg'),
)


def png_of(width, height, data=b''):
    def chunk(kind, body):
        check = struct.pack('>I', zlib.crc32(kind + body))
        return struct.pack('>I', len(body)) + kind + body + check

    header = struct.pack('>IIBBBBB', width, height, 1, 0, 0, 0, 0)
    return (
        b'\x89PNG\r\n\x1a\n'
        + chunk(b'IHDR', header)
        + chunk(b'IDAT', zlib.compress(data))
        + chunk(b'IEND', b'')
    )


@cache
def bombs():
    """Small, and large once they are read."""
    claimed = struct.pack('<ii', 2**31 - 1, 0)  # of rows and columns
    labels = flowers_lists()['imagelabels.mat']
    labels = labels[:128] + zlib.decompress(labels[136:])
    shape = labels.index(struct.pack('<ii', 1, 6))
    inside = struct.pack('<IIII', 14, 2**20, 6, 8) + bytes(2**22)
    packed = zlib.compress(inside)
    return (
        png_of(12_000, 12_000, bytes(1501 * 12_000)),
        png_of(2**31 - 1, 2**31 - 1),
        png_of(10**6, 1),
        labels[:shape] + claimed + labels[shape + 8 :],
        labels[:128] + struct.pack('<II', 15, len(packed)) + packed,
        b'[' * 60_000,
        b'{"train": ' + b'9' * 5000 + b', "val": []}',
        b'{"train": [[]], "val": {"a": 1}}',
        b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n',
        encoded(np.full((12, 16), 151, np.uint8), 'PNG'),
        encoded(np.zeros((3, 4), np.uint16), 'PNG'),
        b'',
    )


def spoil(rng, content):
    fault = rng.randrange(5)
    if fault == 0:
        return content[: rng.randrange(len(content) + 1)]
    if fault == 1:
        return rng.randbytes(rng.randrange(200))
    if fault == 2:
        return rng.choice(bombs())
    spoiled = bytearray(content or b'x')
    for _ in range(rng.randint(1, 5)):
        spoiled[rng.randrange(len(spoiled))] = rng.randrange(256)
    return bytes(spoiled)


def spoil_files(rng, files):
    """Change, rename, add or remove a file."""
    name = rng.choice(list(files))
    fault = rng.randrange(6)
    if fault == 0:
        del files[name]
    elif fault == 1:
        odd = rng.choice(ODD_NAMES).format(name)
        files[odd] = files.pop(name) if rng.random() < 0.5 else files[name]
    elif fault == 2:
        files[name] = rng.choice(list(files.values()))
    else:
        files[name] = spoil(rng, files[name])


def spoil_zip(rng, content):
    """Damage what stands beside the files themselves."""
    spoiled = bytearray(content)
    entry = content.find(b'PK\x01\x02', rng.randrange(len(content)))
    if entry < 0:
        entry = content.find(b'PK\x01\x02')
    fault = rng.randrange(6)
    if fault == 0:
        return content[: rng.randrange(len(content))]
    if fault == 1:
        start = rng.randrange(len(content))
        return content[:start] + rng.randbytes(9) + content[start + 9 :]
    if fault == 2:  # a size that is claimed
        spoiled[entry + 24 : entry + 28] = rng.randbytes(3) + b'\xff'
    elif fault == 3:  # encrypted, or whatever the flags say
        spoiled[entry + 8 : entry + 10] = rng.randbytes(2)
    elif fault == 4:  # a compression
        spoiled[entry + 10] = rng.choice((1, 9, 12, 14, 93, 98, 99))
    else:
        for _ in range(rng.randint(1, 20)):
            spoiled[rng.randrange(len(spoiled))] = rng.randrange(256)
    return bytes(spoiled)


def write_zip(rng, files, path):
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)
    method = rng.choice((*methods, zipfile.ZIP_BZIP2))
    with zipfile.ZipFile(path, 'w', method) as archive:
        for name, content in files.items():
            try:
                archive.writestr(zipfile.ZipInfo(name), content, method)
            except (ValueError, OSError, IndexError):
                continue  # no zip archive has such a name
            if rng.random() < 0.01:
                with warnings.catch_warnings():
                    warnings.simplefilter('ignore')  # of the second copy
                    archive.writestr(zipfile.ZipInfo(name), content[::-1])
        if rng.random() < 0.005:
            zeros = bytes(70 * 2**20)
            archive.writestr('images/zeros.jpg', zeros, zipfile.ZIP_DEFLATED)
    while rng.random() < 0.3:
        path.write_bytes(spoil_zip(rng, path.read_bytes()))


def write_folder(rng, files, root, victim):
    root.mkdir()
    for name, content in files.items():
        path = root / name.replace('\\', '/').lstrip('/')
        if '..' in path.parts or len(name) > 200:
            continue  # no folder holds such a name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            continue  # a file has the name of its folder
        if path.exists() or path.is_symlink():
            continue
        kind = rng.random()
        if kind < 0.02:
            path.symlink_to(victim)
        elif kind < 0.04:
            path.symlink_to(path)
        elif kind < 0.05:
            os.mkfifo(path)
        else:
            path.write_bytes(content)


def write_source(rng, files, sandbox):
    source = sandbox / 'source'
    kind = rng.random()
    if kind < 0.7:
        write_zip(rng, files, source)
    elif kind < 0.72:
        with tarfile.open(source, 'w') as archive:
            archive.add(__file__, 'images/a.jpg')
    else:
        write_folder(rng, files, source, sandbox / 'victim')
    return source


def tree(folder):
    """All that is there, links as links, with the content of files."""
    return {
        path.relative_to(folder).as_posix(): (
            path.read_bytes()
            if path.is_file() and not path.is_symlink()
            else None
        )
        for path in folder.rglob('*')
    }


def convert_one(number, sandbox):
    """Convert a case; whether that went well."""
    rng = random.Random(number)
    (sandbox / 'out').mkdir(parents=True)
    (sandbox / 'victim').write_bytes(image(9))
    make_files, convert = CONVERTERS[rng.choice(list(CONVERTERS))]
    files = dict(make_files())
    for _ in range(rng.randrange(5)):
        if files:
            spoil_files(rng, files)
    source = write_source(rng, files, sandbox)
    before = tree(sandbox)
    target = sandbox / 'out/target'
    try:
        convert(source, target)
    except ValueError:
        assert tree(sandbox) == before, number
        return False
    after = tree(sandbox)
    new = after.keys() - before.keys()
    assert all(name.startswith('out/target') for name in new), number
    assert {name: after[name] for name in before} == before, number
    assert len(new) > 5, number
    return True


def convert_many(numbers, sandbox):
    converted, before = 0, peak_memory()
    for number in numbers:
        converted += convert_one(number, sandbox)
        shutil.rmtree(sandbox)
    share = converted / len(numbers)
    assert 0.05 < share < 0.95  # neither all are refused nor none
    assert peak_memory() - before < MOST_MEMORY


def peak_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_what_a_stranger_gives_is_converted_or_refused(tmp_path):
    convert_many(range(300), tmp_path / 'sandbox')


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_ten_thousand_of_them(tmp_path):
    convert_many(range(10_000), tmp_path / 'sandbox')
