# Copyright (c) gps_seg contributors. Apache-2.0.
"""tools/compare.py from the command line to its tables, on drawn polyps."""

import copy
import csv
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from comparison_jobs import settings_for
from mmengine.config import Config
from run_tool import error_of_tool, run_tool

from gps_seg.comparison import RunRecord, read_summary
from gps_seg.delta import Delta, merged_state
from gps_seg.engine import build_base
from gps_seg.runs.comparing import running
from gps_seg.runs.comparing.ensembles import read_ensembles
from gps_seg.runs.scoring.images import ImagesToScore

REPO = Path(__file__).resolve().parents[3]
UNSEEN = """
unseen = dict(other=dict(_base_.val_dataloader.dataset))
unseen['other']['data_root'] = '{folder}'
unseen['other']['ann_file'] = 'splits/tune.txt'
variants = {{
    'bias': {{'custom_hooks.0.method': dict(_delete_=True, type='bias')}},
    'gps k=2': {{'custom_hooks.0.method.k': 2}},
}}
"""


def arguments(folder, settings):
    options = [f'{key}={value}' for key, value in settings.items()]
    return (
        *('compare.py', str(folder / 'config.py')),
        *('--work-dir', str(folder / 'out'), '--traceback'),
        *('--rates', 1, '--seeds', 0, 1, '--cost-rounds', 0),
        *('--alphas', 0.5),
        *('--cfg-options', *options),
    )


@pytest.fixture(scope='module')
def compared(tmp_path_factory, polyps):
    """Folder of a comparison of two variants, and what was printed."""

    folder = tmp_path_factory.mktemp('compared')
    base = REPO / 'configs/demo/gps.py'
    text = f"_base_ = '{base}'\n{UNSEEN.format(folder=polyps)}"
    (folder / 'config.py').write_text(text)
    run_tool(*arguments(folder, settings_for(polyps)))
    return folder / 'out'


def records(folder):
    return {
        path.parent.relative_to(folder).as_posix(): RunRecord.read(path.parent)
        for path in sorted(folder.rglob('record.json'))
    }


def test_every_run_has_a_record(compared):
    assert list(records(compared)) == [
        'rates/bias/1-0',
        'rates/gps_k=2/1-0',
        'seeds/bias/0',
        'seeds/bias/1',
        'seeds/gps_k=2/0',
        'seeds/gps_k=2/1',
    ]


def test_rates_are_tuned_on_training_images_alone(compared, polyps):
    split = json.loads((compared / 'tuning_split.json').read_text())
    train = (polyps / 'splits' / 'train.txt').read_text().split()
    assert sorted(split['train'] + split['held_out']) == sorted(train)
    tuned = records(compared)['rates/bias/1-0']
    assert tuned.validation.images == split['held_out']
    assert list(tuned.scores) == ['validation']


def test_final_runs_are_scored_on_validation_and_unseen_images(
    compared, polyps
):
    lists = {
        'validation': polyps / 'splits' / 'val.txt',
        'other': polyps / 'splits' / 'tune.txt',
    }
    record = records(compared)['seeds/gps_k=2/1']
    found = {name: scores.images for name, scores in record.scores.items()}
    assert found == {n: f.read_text().split() for n, f in lists.items()}
    assert [step for step, _ in record.curve] == [1, 2]
    last = record.curve[-1][1]
    assert last == pytest.approx(record.validation.mean('Dice'), abs=1e-4)


def test_variants_of_a_seed_had_the_same_head_and_batches(compared):
    found = records(compared)
    bias, gps = found['seeds/bias/0'], found['seeds/gps_k=2/0']
    other = found['seeds/bias/1']
    assert bias.treatment == gps.treatment
    # The head of the demo comes from a file, so it is the same for all seeds.
    assert bias.treatment['head'] == other.treatment['head']
    assert bias.treatment['batches'] != other.treatment['batches']


def test_a_final_run_keeps_its_delta_and_its_predictions(compared, polyps):
    run = compared / 'seeds/gps_k=2/0'
    record = RunRecord.read(run)
    delta = run / 'delta.safetensors'
    assert delta.stat().st_size == record.task_bytes
    assert Delta.load(delta).info.method == {'type': 'gps', 'k': 2}
    name = record.validation.images[0]
    labels = cv2.imread(str(run / 'predictions' / f'{name}.png'), -1)
    truth = cv2.imread(str(polyps / 'masks' / f'{name}.png'), -1)
    both = np.logical_and(labels == 1, truth == 1).sum()
    dice = 200 * both / max(1, (labels == 1).sum() + (truth == 1).sum())
    assert dice == pytest.approx(record.validation.per_image['Dice'][0])
    assert not (run / 'resume.pth').exists()
    assert not list((compared / 'rates').rglob('*.safetensors'))


def test_the_tables_and_pictures_are_there(compared):
    summary = read_summary(compared / 'summary.json')
    assert [row['variant'] for row in summary['variants']] == [
        'bias',
        'gps k=2',
    ]
    assert summary['sets'] == {'validation': 4, 'other': 2}
    assert summary['seeds'] == [0, 1]
    with (compared / 'table.csv').open() as file:
        assert len(list(csv.reader(file))) >= 3
    assert 'gps k=2' in (compared / 'table.md').read_text()
    pictures = ['pareto', 'differences', 'unseen', 'ensembles', 'rates']
    for name in [*pictures, 'images']:
        assert (compared / f'{name}.png').stat().st_size > 0, name


def test_an_ensemble_has_the_scores_of_the_mean_weights(compared, settings):
    run = compared / 'seeds/gps_k=2/1'
    config = Config.fromfile(REPO / 'configs/demo/gps.py')
    config.merge_from_dict(settings)
    model = build_base(config, seed=1)
    base = copy.deepcopy(model.state_dict())
    tuned = merged_state(base, Delta.load(run / 'delta.safetensors'))
    assert any(not torch.equal(base[n], tuned[n]) for n in base)
    encoder = [
        name
        for name, tensor in base.items()
        if name.startswith('backbone.') and tensor.is_floating_point()
    ]
    mean = {name: (base[name] + tuned[name]) / 2 for name in encoder}
    mean = {**tuned, **mean}  # the head has no base
    model.load_state_dict(mean)
    expected = ImagesToScore(config).score(model)
    found = read_ensembles(run)[0.5]
    assert list(found) == ['validation', 'other']
    scores = found['validation']
    assert scores.images == expected.images
    # Half a delta is added in another order: a pixel may change its class.
    for metric in ('Dice', 'IoU'):
        assert scores.per_image[metric] == pytest.approx(
            expected.per_image[metric], abs=0.1
        )
    rows = read_summary(compared / 'summary.json')['ensembles']['rows']
    assert [(row['variant'], row['set']) for row in rows] == [
        (name, of)
        for name in ('bias', 'gps k=2')
        for of in ('validation', 'other')
    ]


def test_a_second_call_trains_nothing(compared, polyps, monkeypatch, capsys):

    def refuse(*_):
        raise AssertionError('trained again')

    monkeypatch.setattr(running, '_train', refuse)
    run_tool(*arguments(compared.parent, settings_for(polyps)))
    out = capsys.readouterr().out
    assert '| gps k=2 |' in out
    assert 'ensembles of base' not in out


def test_records_without_deltas_give_the_same_summary(
    compared, polyps, tmp_path, monkeypatch
):
    """What a page publishes; here the predictions of one run are left."""

    def refuse(*_):
        raise AssertionError('trained again')

    monkeypatch.setattr(running, '_train', refuse)
    for kept in [
        *compared.rglob('record.json'),
        *compared.rglob('ensembles.json'),
    ]:
        copy_of = tmp_path / 'out' / kept.relative_to(compared)
        copy_of.parent.mkdir(parents=True, exist_ok=True)
        copy_of.write_bytes(kept.read_bytes())
    labels = 'seeds/bias/0/predictions'
    shutil.copytree(compared / labels, tmp_path / 'out' / labels)
    shutil.copy(compared.parent / 'config.py', tmp_path)
    run_tool(*arguments(tmp_path, settings_for(polyps)))
    ours = read_summary(tmp_path / 'out' / 'summary.json')
    expected = read_summary(compared / 'summary.json')
    assert ours.pop('agreement') is None
    assert expected.pop('agreement') is not None
    assert ours == expected
    assert (tmp_path / 'out' / 'images.png').exists()


@pytest.mark.parametrize(
    'key', ['train_dataloader.dataset', 'val_dataloader.dataset', 'unseen.a']
)
def test_missing_data_stop_a_comparison_before_any_run(
    tmp_path, polyps, key, capsys
):
    settings = settings_for(polyps)
    settings[f'{key}.data_root'] = '/nowhere'
    base = REPO / 'configs/demo/gps.py'
    text = f"_base_ = '{base}'\nunseen = dict(a=_base_.val_dataloader.dataset)"
    (tmp_path / 'config.py').write_text(text)
    options = [f'{name}={value}' for name, value in settings.items()]
    if not key.startswith('unseen'):
        options.append(f'unseen.a.data_root={polyps}')
    error = error_of_tool(
        capsys,
        *('compare.py', str(tmp_path / 'config.py'), '--methods', 'bias'),
        *('--work-dir', str(tmp_path / 'out'), '--cfg-options', *options),
    )
    assert '/nowhere' in error
    assert not list(tmp_path.rglob('failed.json'))
