# Copyright (c) gps_seg contributors. Apache-2.0.
"""Eight people at once for a minute, with a real ViT-S/14 at 252 pixels."""

import copy
import io
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import numpy as np
import pytest
import torch
from app_tasks import balanced
from mmengine.config import Config
from PIL import Image
from run_tool import run_tool
from served_page import Served, mask_in
from small_segmentor import info_of

from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmseg.apis import inference_model  # noqa: E402

from gps_seg.delta import extract  # noqa: E402
from gps_seg.engine import build_base, build_tuned  # noqa: E402

pytestmark = [
    pytest.mark.optional,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
]
pytest.importorskip('gradio', reason='the page needs gradio')
NAMES = ('one', 'two')
PEOPLE, SECONDS = 8, 60
IMAGES = 48  # with two tasks, more answers than the page keeps


@pytest.fixture(scope='module')
def config(repo_dir, vit_s14_weights, tmp_path_factory):
    """The config of Kvasir-SEG, with its weights."""
    folder = tmp_path_factory.mktemp('weights')
    target = folder / 'vit-small-p14_dinov2.safetensors'
    run_tool(
        'model_converters/dinov2_to_mmpretrain.py', vit_s14_weights, target
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('GPS_SEG_WEIGHTS', str(folder))
        yield Config.fromfile(repo_dir / 'configs/gps_kvasir.py')


@pytest.fixture(scope='module')
def images(kvasir_archive, tmp_path_factory):
    """Files of real images, with their pixels."""
    folder = tmp_path_factory.mktemp('images')
    found = {}
    with zipfile.ZipFile(kvasir_archive) as archive:
        names = [n for n in archive.namelist() if n.startswith('images/')]
        pictures = [n for n in names if n.endswith(('.jpg', '.png'))]
        for number, name in enumerate(sorted(pictures)[:IMAGES]):
            image = Image.open(io.BytesIO(archive.read(name))).convert('RGB')
            path = folder / f'{number}.png'
            image.save(path)
            found[path] = np.asarray(image)
    assert len(found) == IMAGES
    return found


@pytest.fixture(scope='module')
def deltas(config, images, tmp_path_factory):
    """Two tasks: one weight of each neuron, the biases and the head differ."""
    folder = tmp_path_factory.mktemp('deltas')
    base = build_base(config)
    encoder = {
        name: tensor
        for name, tensor in base.state_dict().items()
        if name.startswith('backbone.')
    }
    paths = {name: folder / f'{name}.safetensors' for name in NAMES}
    for seed, path in enumerate(paths.values()):
        torch.manual_seed(seed)
        model = copy.deepcopy(base)
        for name, tensor in model.backbone.state_dict().items():
            if name.endswith('.bias') and 'ln' not in name:
                tensor.add_(0.1 * torch.randn_like(tensor))
            elif name.endswith('.weight') and tensor.ndim == 2:
                column = torch.randint(tensor.shape[1], (len(tensor), 1))
                tensor.scatter_(1, column, torch.randn(len(tensor), 1))
        model.decode_head.conv_seg.weight.data.normal_()
        state = balanced(model, list(images.values())[:4])
        extract(encoder, state, info_of(config)).save(path)
    return paths


def clicks(address, paths, person):
    """What a person asks for in a minute, and the masks that are shown."""
    client = pytest.importorskip(
        'gradio_client', reason='it comes with gradio'
    )
    app = client.Client(address, verbose=False, analytics_enabled=False)
    chance = np.random.default_rng(person)
    end, answers = time.monotonic() + SECONDS, []
    while time.monotonic() < end:
        name = str(chance.choice(NAMES))
        path = paths[chance.integers(len(paths))]
        file = client.handle_file(str(path))
        shown, _, status = app.predict(
            name, file, None, 1, api_name='/segment'
        )
        assert 'not what' not in status
        with Image.open(path) as image, Image.open(shown) as overlay:
            found = mask_in(np.asarray(overlay), image.height)
        answers.append((name, path, found))
    return answers


def direct(config, delta, asked, images):
    """Label maps of a model of its own, by MMSegmentation's call alone."""
    model = build_tuned(config, delta)
    return {
        path: inference_model(model, images[path][..., ::-1].copy())
        .pred_sem_seg.data[0]
        .numpy()
        for path in asked
    }


def test_eight_people_get_their_own_masks_for_a_minute(
    config, images, deltas, tmp_path
):
    page = Served(tmp_path, *deltas.values())
    try:
        with ThreadPoolExecutor(PEOPLE) as pool:
            answers = list(
                chain.from_iterable(
                    pool.map(
                        lambda person: clicks(
                            page.address, list(images), person
                        ),
                        range(PEOPLE),
                    )
                )
            )
    finally:
        page.stop()
    asked = {path for _, path, _ in answers}
    expected = {
        name: direct(config, delta, asked, images)
        for name, delta in deltas.items()
    }
    differ = [
        (expected['one'][path] != expected['two'][path]).any()
        for path in asked
    ]
    assert any(differ)  # or a mixture would not be seen
    wrong = [
        (name, path.name)
        for name, path, found in answers
        if (found != expected[name][path]).any()
    ]
    sys.stdout.write(f'{len(answers)} answers, {len(wrong)} wrong\n')
    assert len(answers) >= PEOPLE
    assert wrong == []
