# Copyright (c) gps_seg contributors. Apache-2.0.
"""The page in a browser, and eight people at once.

Screenshots for the documentation come from the last test::

    GPS_SEG_SCREENSHOTS=work_dirs/demo pytest -m optional tests/test_app

The folder has a run of each task and images with masks in ``data/target``, as
``make demo`` writes them.
"""

import io
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from app_tasks import NAMES, random_images, write_tasks
from mmengine.config import Config
from PIL import Image
from served_page import Served, mask_in

from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmseg.apis import inference_model  # noqa: E402

from gps_seg.app.page.html import RESTORED  # noqa: E402
from gps_seg.engine import build_tuned  # noqa: E402

pytestmark = [pytest.mark.optional, pytest.mark.timeout(1200)]
pytest.importorskip('gradio', reason='the page needs gradio')
REPO = Path(__file__).resolve().parents[2]
PEOPLE, CLICKS = 8, 6
WAIT = 120_000  # milliseconds, for a machine with other work
LOCAL = '127.0.0.1'
SHOTS = os.environ.get('GPS_SEG_SCREENSHOTS')


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    """Files of images, with their pixels."""
    folder = tmp_path_factory.mktemp('images')
    found = {}
    for number, pixels in enumerate(random_images(3)):
        path = folder / f'{number}.png'
        Image.fromarray(pixels).save(path)
        found[path] = pixels
    return found


@pytest.fixture(scope='module')
def tasks(tmp_path_factory):
    folder = tmp_path_factory.mktemp('tasks')
    return folder, write_tasks(folder)


@pytest.fixture(scope='module')
def expected(tasks, images):
    """Labels by the direct call: name of a task, image -> label map."""
    folder, paths = tasks
    config = Config.fromfile(folder / 'small.py')
    found = {}
    for name, path in zip(NAMES, paths, strict=True):
        model = build_tuned(config, path)
        for image, pixels in images.items():
            result = inference_model(model, pixels[..., ::-1].copy())
            found[name, image] = result.pred_sem_seg.data[0].numpy()
    return found


@pytest.fixture(scope='module')
def served(tmp_path_factory, tasks):
    page = Served(tmp_path_factory.mktemp('served'), *tasks[1])
    yield page
    page.stop()
    assert not list(page.folder.rglob('*.png'))


@pytest.fixture(scope='module')
def chromium():
    path = shutil.which('chromium') or shutil.which('chromium-browser')
    if path is None:
        pytest.skip('no Chromium: apt-get install chromium')
    playwright = pytest.importorskip(
        'playwright.sync_api', reason='the browser is driven by playwright'
    )
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=path,
            # The camera is one that the browser draws.
            args=[
                '--no-sandbox',
                '--disable-gpu',
                '--use-fake-device-for-media-stream',
                '--use-fake-ui-for-media-stream',
            ],
        )
        yield browser
        browser.close()


#: The first frames of a camera that has just begun are black.
_HAS_A_PICTURE = """() => {
    const video = document.querySelector('#image video');
    if (!video || !video.videoWidth) return false;
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 1;
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0, 1, 1);
    return context.getImageData(0, 0, 1, 1).data[1] > 100;
}"""


class Visitor:
    """A person with a window of the page."""

    def __init__(self, browser, address, size=(1280, 800)):
        width, height = size
        self.context = browser.new_context(
            viewport={'width': width, 'height': height},
            permissions=['camera'],
        )
        self.requests, self.page = [], self.context.new_page()
        self.page.set_default_timeout(WAIT)
        self.page.on('request', lambda r: self.requests.append(r.url))
        self.page.goto(address)
        self.page.wait_for_selector('#task')

    def give(self, path, where='#image'):
        self.page.set_input_files(f'{where} input[type=file]', path)

    def take_photo(self):
        """Let the camera take the image."""
        part = self.page.locator('#image')
        part.get_by_label('Capture from camera').click()
        part.get_by_text('Click to Access Webcam').click()
        self.page.wait_for_function(_HAS_A_PICTURE)
        part.get_by_label('capture photo').click()

    def pick(self, name):
        self.page.locator('#task label').filter(has_text=name).first.click()

    def set_opacity(self, value):
        number = self.page.locator('#opacity input[type=number]')
        number.fill(value)
        number.press('Enter')

    def overlay(self, other_than=''):
        """Source and pixels of the overlay, when it is another one."""
        self.page.wait_for_function(
            'old => { const shown = document.querySelector("#overlay img");'
            ' return shown && shown.src !== old; }',
            arg=other_than,
        )
        source = self.page.get_attribute('#overlay img', 'src')
        content = self.page.request.get(source).body()
        return source, np.asarray(Image.open(io.BytesIO(content)))

    def shoot(self, path, **options):
        self.page.wait_for_timeout(2000)  # pictures are decoded
        self.page.screenshot(path=path, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()


def test_tasks_are_tried_in_a_browser(chromium, served, images, expected):
    image = next(iter(images))
    with Visitor(chromium, served.address) as visitor:
        visitor.give(image)
        source, _ = visitor.overlay()
        visitor.page.wait_for_selector('.gps-restored')
        assert RESTORED in visitor.page.inner_text('.gps-restored')
        visitor.set_opacity('1')  # the answer is from memory now
        source, overlay = visitor.overlay(source)
        assert (mask_in(overlay) == expected['one', image]).all()
        visitor.pick('two')
        _, overlay = visitor.overlay(source)
        assert (mask_in(overlay) == expected['two', image]).all()
        visitor.page.get_by_role('tab', name='Compare').click()
        visitor.page.wait_for_selector('#slider img')
        visitor.page.get_by_role('tab', name='Numbers').click()
        visitor.page.locator('td').get_by_text('low_rank').first.wait_for()
        hosts = {
            urlsplit(url).hostname
            for url in visitor.requests
            if not url.startswith(('data:', 'blob:'))
        }
    assert hosts == {LOCAL}


def test_the_camera_takes_an_image(chromium, served):
    """The camera that Chromium draws shows a disc on a green ground."""
    with Visitor(chromium, served.address) as visitor:
        visitor.take_photo()
        source, _ = visitor.overlay()
        visitor.page.wait_for_selector('.gps-restored')
        visitor.set_opacity('0')
        _, overlay = visitor.overlay(source)
    red, green, blue = np.median(overlay, axis=(0, 1))
    assert green > 100 and red < 50 and blue < 50
    assert overlay.std() > 0  # the disc


def test_a_file_that_is_no_image_is_a_message(chromium, served, tmp_path):
    wrong = tmp_path / 'renamed.png'
    wrong.write_text('This is a text.\n')
    with Visitor(chromium, served.address) as visitor:
        visitor.give(wrong)
        alert = visitor.page.wait_for_selector('.gps-message:has-text("BMP")')
        assert 'none of them' in alert.inner_text()
    assert 'Traceback' not in served.log.read_text()


def test_a_text_that_is_dropped_is_refused(chromium, served):
    with Visitor(chromium, served.address) as visitor:
        data = visitor.page.evaluate_handle(
            '() => { const all = new DataTransfer();'
            ' all.items.add(new File(["a text"], "notes.txt",'
            ' { type: "text/plain" })); return all; }'
        )
        visitor.page.dispatch_event(
            '#image button', 'drop', {'dataTransfer': data}
        )
        visitor.page.get_by_text(
            re.compile('Invalid file type', re.I)
        ).wait_for()


def test_a_wide_and_a_narrow_window_have_no_scroll_bar_below(chromium, served):
    for size in ((1280, 800), (390, 844)):
        with Visitor(chromium, served.address, size) as visitor:
            wide = visitor.page.evaluate('document.body.scrollWidth')
            assert wide <= size[0]


def test_eight_people_at_once_get_their_own_masks(served, images, expected):
    client = pytest.importorskip(
        'gradio_client', reason='it comes with gradio'
    )
    paths = list(images)

    def click(person):
        app = client.Client(
            served.address, verbose=False, analytics_enabled=False
        )
        chance = np.random.default_rng(person)
        wrong = []
        for _ in range(CLICKS):
            name = str(chance.choice(NAMES))
            image = paths[chance.integers(len(paths))]
            file = client.handle_file(str(image))
            shown, _, status = app.predict(
                name, file, None, 1, api_name='/segment'
            )
            found = mask_in(np.asarray(Image.open(shown)))
            if (found != expected[name, image]).any() or 'not what' in status:
                wrong.append((person, name, image.name))
        return wrong

    with ThreadPoolExecutor(PEOPLE) as pool:
        assert [
            w for found in pool.map(click, range(PEOPLE)) for w in found
        ] == []


def test_nothing_is_left_when_the_page_ends(tmp_path, tasks, images):
    client = pytest.importorskip(
        'gradio_client', reason='it comes with gradio'
    )
    page = Served(tmp_path, *tasks[1])
    app = client.Client(page.address, verbose=False, analytics_enabled=False)
    file = client.handle_file(str(next(iter(images))))
    app.predict('one', file, None, 1, api_name='/segment')
    assert list(page.folder.rglob('*.png'))
    page.stop()
    assert page.process.returncode == 130
    assert 'Traceback' not in page.log.read_text()
    assert not list(page.folder.rglob('*.png'))


@pytest.mark.skipif(not SHOTS, reason='GPS_SEG_SCREENSHOTS names no runs')
def test_screenshots_for_the_documentation(chromium, tmp_path):
    runs = Path(SHOTS).resolve()
    images = runs / 'data/target'
    page = Served(
        tmp_path,
        *sorted(runs.glob('*/delta.safetensors'))[:4],
        *('--examples', images),
        *('--comparison', REPO / 'docs/results/methods_kvasir.json'),
    )
    out = REPO / 'docs/images'
    image = min((images / 'images').iterdir())
    ready = {'Compare': '#slider img', 'Numbers': 'td', 'Runs': 'img'}
    with Visitor(chromium, page.address) as visitor:
        visitor.give(image)
        visitor.overlay()
        visitor.shoot(out / 'app_try.png')
        for name, selector in ready.items():
            visitor.page.get_by_role('tab', name=name).click()
            visitor.page.wait_for_selector(selector)
            visitor.shoot(out / f'app_{name.lower()}.png')
    with Visitor(chromium, page.address, (390, 844)) as visitor:
        visitor.give(image)
        visitor.overlay()
        visitor.shoot(out / 'app_phone.png', full_page=True)
    page.stop()
