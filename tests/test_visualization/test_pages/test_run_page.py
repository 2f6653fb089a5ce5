"""The page of one run: well formed, of one file, and true to the others."""

import base64
import io
import json

import numpy as np
import pytest
from html_pages import Page
from PIL import Image

from gps_seg.visualization.pages import write_run_page
from gps_seg.visualization.pages.facts import read_facts
from gps_seg.visualization.pages.pictures import MOST_BYTES, embedded


def page_of(work_dir):
    return Page(write_run_page(work_dir).read_text(encoding='utf-8'))


def environment_of(work_dir):
    return json.loads((work_dir / 'environment.json').read_text())


def last_line(work_dir):
    (file,) = work_dir.glob('*/vis_data/scalars.json')
    return json.loads(file.read_text().splitlines()[-1])


def decoded(source):
    return base64.b64decode(source.partition('base64,')[2])


def test_everything_is_in_the_file(work_dir):
    page = page_of(work_dir)
    pictures = {decoded(image['src']) for image in page.all('img')}
    assert pictures == {
        (work_dir / name).read_bytes()
        for name in ('curves.png', 'overlays.png', 'selection.png')
    }
    for tag, attributes in page.elements:
        assert tag not in ('script', 'link', 'iframe', 'object', 'form')
        for name, value in attributes.items():
            assert not name.startswith('on')
            if name in ('src', 'href', 'style', 'action'):
                assert value.startswith(('data:', 'flex-grow:'))
    assert 'url(' not in page.text('style')
    assert '@import' not in page.text('style')


def test_a_task_of_two_folders_has_the_name_of_its_own(tmp_path):
    run = tmp_path / 'polyps/run'
    run.mkdir(parents=True)
    (run / 'config.py').write_text('')
    (run / 'environment.json').write_text('{"config": "config.py"}')
    assert read_facts(run).name == 'polyps'


def test_the_browser_is_told_to_fetch_nothing(work_dir):
    policies = [
        meta['content']
        for meta in page_of(work_dir).all('meta')
        if meta.get('http-equiv') == 'Content-Security-Policy'
    ]
    (policy,) = policies
    assert "default-src 'none'" in policy and 'img-src data:' in policy


def test_names_of_strangers_are_text(work_dir):
    page = page_of(work_dir)
    assert 'script' not in {tag for tag, _ in page.elements}
    assert len(page.all('img')) == 3
    names = [row[0] for row in page.rows]
    classes = {name.partition('.')[2] for name in last_line(work_dir)} - {''}
    assert len(classes) == 2 and classes <= set(names)
    assert page.text('h1') == 'polyps & <co>'
    method = json.loads((work_dir / 'trained.json').read_text())['method']
    assert method['note'] in ''.join(page.texts['p'])
    environment = environment_of(work_dir)
    values = [row[1] for row in page.rows if len(row) == 2]
    assert environment['device'] in values
    assert environment['command'] in values
    config = (work_dir / environment['config']).read_text(encoding='utf-8')
    assert config in page.texts['code']


def test_scores_are_those_of_the_last_validation(work_dir):
    page = page_of(work_dir)
    last = last_line(work_dir)
    overall = {n: v for n, v in last.items() if 'm' in n.split('.')[0]}
    shown = page.texts['b']
    for name in ('mDice', 'image_mDice', 'mIoU', 'image_mIoU'):
        assert f'{overall[name]:.2f}' in shown
    head, *_ = [row for row in page.rows if row[0] == 'class']
    assert head == ['class', 'Dice', 'IoU']
    for name in {n.partition('.')[2] for n in last if '.' in n}:
        (row,) = [row for row in page.rows if row[0] == name]
        values = [last.get(f'{kind}.{name}') for kind in ('Dice', 'IoU')]
        assert row[1:] == ['-' if v is None else f'{v:.2f}' for v in values]


def test_scores_of_the_best_weights_stand_beside_the_last(work_dir):
    page = page_of(work_dir)
    (row,) = [row for row in page.rows if row[0] == 'mDice']
    assert row[1:] == ['71.25', '99.00']
    (work_dir / 'best_delta.safetensors').unlink()
    assert not [row for row in page_of(work_dir).rows if row[0] == 'mDice']


def test_counts_are_those_of_the_files(work_dir):
    page = page_of(work_dir)
    trained = json.loads((work_dir / 'trained.json').read_text())
    whole = f'{trained["selected"] + trained["whole"]:,}'
    assert whole in page.texts['b']
    items = ''.join(page.texts['li'])
    parts = [number for number in trained['parts'].values() if number]
    assert all(f'{number:,} ' in items for number in parts)
    shares = [
        int(span['style'].removeprefix('flex-grow: '))
        for span in page.all('span')
        if 'style' in span
    ]
    assert shares == parts
    assert ['training', 'PolypDataset', '1,880'] in page.rows
    assert ['validation', 'PolypDataset', 'unknown'] in page.rows
    assert ['attn', '2', '5', '20.833 %', '2.5', '62.5 %'] in page.rows
    assert 'finished in 1:02:05' in ''.join(page.texts['p'])


def test_the_next_commands_name_the_files(work_dir, monkeypatch):
    monkeypatch.chdir(work_dir.parent)
    monkeypatch.setattr('sys.argv', ['gps_seg/.mim/tools/train.py'])
    test, share = page_of(work_dir).texts['code'][:2]
    folder = f"'{work_dir.name}"
    delta = f"{folder}/best_delta.safetensors'"
    assert test == f"gps-seg test {folder}/polyps & <co>.py' {delta}"
    assert share.startswith(f"gps-seg share {delta} --out {folder}/shared'")


@pytest.mark.parametrize(
    ('name', 'word'),
    [
        ('curves.png', 'No curves.png'),
        ('overlays.png', 'No overlays.png'),
        ('selection.safetensors', 'selects no single connections'),
        ('trained.json', 'Not counted'),
        ('environment.json', 'No environment.json'),
        ('20260101_000000/vis_data/scalars.json', 'No scores'),
        ('polyps & <co>.py', 'No config in the work directory'),
        ('best_delta.safetensors', 'there is nothing to test yet'),
    ],
)
def test_what_is_missing_is_left_out_with_a_word(work_dir, name, word):
    assert word not in page_of(work_dir).text('p')
    (work_dir / name).unlink()
    assert word in page_of(work_dir).text('p')


def test_an_empty_folder_has_a_page(tmp_path):
    page = page_of(tmp_path)
    assert page.text('h1') == tmp_path.name
    assert page.all('img') == []


@pytest.mark.parametrize('content', [b'', b'\x89PNG broken', b'no picture'])
def test_a_damaged_picture_is_left_out(work_dir, content):
    (work_dir / 'curves.png').write_bytes(content)
    page = page_of(work_dir)
    assert len(page.all('img')) == 2
    assert 'No curves.png' in page.text('p')


def test_large_pictures_are_made_small(work_dir):
    noise = np.random.default_rng(0).integers(0, 256, (1200, 3000, 3))
    image = Image.fromarray(noise.astype(np.uint8))
    image.save(work_dir / 'overlays.png')
    assert (work_dir / 'overlays.png').stat().st_size > 5_000_000
    source = embedded(work_dir / 'overlays.png').data
    with Image.open(io.BytesIO(decoded(source))) as small:
        assert small.format == 'JPEG'
        assert small.width / small.height == pytest.approx(2.5, abs=0.01)
    assert len(decoded(source)) <= MOST_BYTES


@pytest.mark.parametrize(
    ('name', 'content'),
    [
        ('environment.json', '{'),
        ('environment.json', '[1]'),
        ('trained.json', '[1]'),
        ('trained.json', '{"selected": "x"}'),
    ],
)
def test_a_damaged_file_is_named(work_dir, name, content):
    (work_dir / name).write_text(content)
    with pytest.raises(ValueError, match=f'{name}: expected .*'):
        write_run_page(work_dir)
    assert not (work_dir / 'report.html').exists()


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(NotADirectoryError, match='expected a folder, got not'):
        write_run_page(tmp_path / 'nowhere')


def test_a_run_of_an_earlier_version(work_dir):
    """Its trained.json has no parts, its environment no names and sizes."""
    path = work_dir / 'trained.json'
    trained = json.loads(path.read_text())
    del trained['parts']
    path.write_text(json.dumps(trained))
    environment = environment_of(work_dir)
    for name in ('config', 'data', 'seconds'):
        del environment[name]
    (work_dir / 'environment.json').write_text(json.dumps(environment))
    page = page_of(work_dir)
    assert page.text('h1') == 'polyps & <co>'
    assert '13,186 whole tensors' in page.text('li')
