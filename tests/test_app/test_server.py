# Copyright (c) gps_seg contributors. Apache-2.0.
"""Tasks on one model: right answers to several threads, the same base."""

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from app_tasks import NAMES, random_images, write_tasks
from bits import other_bits
from mmengine.config import Config
from small_segmentor import info_of, make_delta, write_config

from gps_seg.stack import require_openmmlab

require_openmmlab()

from mmseg.apis import inference_model  # noqa: E402

from gps_seg.app import TaskServer, read_tasks  # noqa: E402
from gps_seg.app.serving import server as server_module  # noqa: E402
from gps_seg.app.serving.forward import best_probability  # noqa: E402
from gps_seg.app.serving.tasks import config_of  # noqa: E402
from gps_seg.delta import Delta, extract  # noqa: E402
from gps_seg.engine import build_base, build_tuned  # noqa: E402

THREADS = 8


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('app')
    write_tasks(folder)
    return folder


@pytest.fixture
def config(folder):
    return Config.fromfile(folder / 'small.py')


@pytest.fixture
def files(folder):
    return [folder / f'{name}.safetensors' for name in NAMES]


@pytest.fixture
def server(config, files):
    return TaskServer(config, read_tasks(files))


def direct(config, file, image):
    """The labels of a model of its own, by MMSegmentation's call alone."""
    model = build_tuned(config, file)
    with torch.no_grad():
        result = inference_model(model, image[..., ::-1].copy())
    return result.pred_sem_seg.data[0].numpy(), result.seg_logits.data


def test_threads_get_the_answers_of_models_of_their_own(
    config, files, monkeypatch
):
    monkeypatch.setattr(server_module, 'MOST_ANSWERS', 1)  # always switch
    server = TaskServer(config, read_tasks(files))
    before = copy.deepcopy(server.model.state_dict())
    images = random_images(4)
    cases = [(name, i) for name in NAMES for i in range(len(images))]
    expected = {
        (name, i): direct(config, file, images[i])[0]
        for name, file in zip(NAMES, files, strict=True)
        for i in range(len(images))
    }
    for i in range(len(images)):  # or a mixture would not be seen
        maps = {expected[name, i].tobytes() for name in NAMES}
        assert len(maps) == len(NAMES)
    order = np.random.default_rng(1).permutation(cases * 10)

    def ask(case):
        name, i = case[0], int(case[1])
        return (name, i), server.predict(name, images[i])

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(ask, order))
    wrong = [c for c, a in answers if (a.labels != expected[c]).any()]
    assert wrong == []
    assert all(answer.base_restored for _, answer in answers)
    after = server.model.state_dict()
    assert after.keys() == before.keys()
    assert not any(other_bits(after[n], before[n]).any() for n in before)


def test_labels_have_the_size_of_the_image(server):
    (image,) = random_images(1, size=(30, 70))
    answer = server.predict('one', image)
    assert answer.labels.shape == (30, 70)
    assert answer.labels.dtype == np.uint8
    assert set(np.unique(answer.labels)) <= {0, 1}


def test_certainty_is_the_mean_probability_of_the_predicted_class(
    server, config, files
):
    (image,) = random_images(1)
    labels, logits = direct(config, files[0], image)
    probability = logits.softmax(dim=0).numpy()
    answer = server.predict('one', image)
    for label in (0, 1):
        mean = probability[label][labels == label].mean()
        assert answer.certainty[label] == pytest.approx(mean, rel=1e-5)


def test_a_single_mask_has_the_certainty_of_object_or_background():
    logits = torch.tensor([[[2.0, -1.0]]])
    found = best_probability(logits, np.array([[1, 0]]))
    sigmoid = 1 / (1 + np.exp([-2.0, -1.0]))
    assert found == pytest.approx(sigmoid[None])


def test_an_answer_is_kept_and_says_so(server, monkeypatch):
    (image,) = random_images(1)
    first = server.predict('one', image)
    monkeypatch.setattr(server, '_answer', None)
    again = server.predict('one', image.copy())
    assert (first.is_cached, again.is_cached) == (False, True)
    assert (first.labels == again.labels).all()


def test_few_answers_are_kept(config, files, monkeypatch):
    monkeypatch.setattr(server_module, 'MOST_ANSWERS', 2)
    server = TaskServer(config, read_tasks(files))
    images = random_images(3)
    for image in images:
        server.predict('one', image)
    assert [server.predict('one', i).is_cached for i in images[::-1]] == [
        True, True, False,
    ]  # fmt: skip


def test_a_base_that_has_changed_is_noticed(server):
    one, other = random_images(2)
    assert server.predict('one', one).base_restored
    weight = server.model.state_dict()[
        'backbone.patch_embed.projection.weight'
    ]

    def change(*_):
        weight.view(-1)[:1].add_(1)

    hook = server.model.backbone.register_forward_hook(change)
    answer = server.predict('low_rank', other)
    hook.remove()
    assert not answer.base_restored


def test_an_error_in_the_model_leaves_the_base(server):
    one, other = random_images(2)

    def fail(*_):
        raise RuntimeError('broken')

    hook = server.model.backbone.register_forward_hook(fail)
    with pytest.raises(RuntimeError, match='broken'):
        server.predict('low_rank', one)
    hook.remove()
    assert server.predict('one', other).base_restored


def test_a_delta_of_another_base_is_named(config, files, tmp_path):
    state = build_base(config).state_dict()
    tuned = {n: t + 1 for n, t in state.items() if t.is_floating_point()}
    moved = {n: t + 2 for n, t in state.items() if t.is_floating_point()}
    other = tmp_path / 'stranger.safetensors'
    extract(moved, tuned, info_of(config)).save(other)
    with pytest.raises(ValueError, match='^stranger: base: expected') as error:
        TaskServer(config, read_tasks([*files, other]))
    assert len(str(error.value).splitlines()) == 1


def test_an_unknown_task_is_refused_with_the_choices(server):
    (image,) = random_images(1)
    with pytest.raises(ValueError, match='one, two, low_rank, got .three'):
        server.predict('three', image)


def test_the_base_is_a_choice_if_its_head_was_trained(folder, files, tmp_path):
    config = Config.fromfile(folder / 'small.py')
    assert 'base' not in TaskServer(config, read_tasks(files)).tasks
    state = build_base(config, seed=3).state_dict()
    torch.save({'state_dict': state}, tmp_path / 'trained.pth')
    config.load_from = str(tmp_path / 'trained.pth')
    server = TaskServer(config, read_tasks(files))
    (image,) = random_images(1)
    model = build_base(config)
    expected = inference_model(model, image[..., ::-1].copy())
    answer = server.predict('base', image)
    assert (answer.labels == expected.pred_sem_seg.data[0].numpy()).all()
    assert answer.base_restored


def test_the_config_of_the_base_comes_from_the_first_delta(files):
    tasks = read_tasks(files)
    server = TaskServer(config_of(tasks), tasks)
    (image,) = random_images(1)
    assert server.predict('two', image).base_restored


def test_a_delta_without_a_config_needs_base(config, tmp_path):
    path = tmp_path / 'bare.safetensors'
    make_delta(config, info_of(config, config='')).save(path)
    with pytest.raises(ValueError, match='config with --base'):
        config_of(read_tasks([path]))


def test_each_task_has_images_prepared_by_its_own_pipeline(
    config, folder, files, tmp_path
):
    other = copy.deepcopy(config)
    other.test_pipeline[1].scale = (24, 8)
    old = Delta.load(files[0])
    info = info_of(config, config=other.pretty_text)
    delta = Delta(old.changes, info, old.fingerprint, old.sketches)
    delta.save(tmp_path / 'flat.safetensors')
    tasks = read_tasks([files[0], tmp_path / 'flat.safetensors'])
    server = TaskServer(config, tasks)
    (image,) = random_images(1)
    expected, _ = direct(other, files[0], image)
    assert (server.predict('flat', image).labels == expected).all()
    plain, _ = direct(config, files[0], image)
    assert (server.predict('one', image).labels == plain).all()
    assert (expected != plain).any()


def test_a_config_without_a_test_pipeline_is_refused(config, files):
    config.test_pipeline = []
    with pytest.raises(ValueError, match='test_pipeline'):
        TaskServer(config, read_tasks(files))


def test_tasks_are_named_after_their_files_or_runs(tmp_path):
    write_config(tmp_path)
    config = Config.fromfile(tmp_path / 'small.py')
    delta = make_delta(config)
    for run in ('polyps', 'veins'):
        (tmp_path / run).mkdir()
        delta.save(tmp_path / run / 'delta.safetensors')
    delta.save(tmp_path / 'veins' / 'best_delta.safetensors')
    paths = [tmp_path / 'polyps' / 'delta.safetensors',
             tmp_path / 'veins' / 'delta.safetensors']  # fmt: skip
    assert [t.name for t in read_tasks(paths)] == ['polyps', 'veins']
    both = [paths[1], tmp_path / 'veins' / 'best_delta.safetensors']
    assert [t.name for t in read_tasks(both)] == ['delta', 'best_delta']
    (task, _) = read_tasks(paths)
    assert (task.method, task.dice) == ('gps k=1', 88.25)
    assert task.num_bytes == paths[0].stat().st_size
    with pytest.raises(ValueError, match='expected one or more files'):
        read_tasks([])
