"""MMEngine's own ways to a checkpoint are restricted like ours."""

import json
from urllib.error import URLError

import pytest
import torch
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.runner import CheckpointLoader, Runner
from mmengine.runner import checkpoint as mmengine_checkpoint
from torch.utils.data import DataLoader
from toy_run import ToyModel, ToySet

from gps_seg.models import read_checkpoint


class Attribute:
    """Its pickle asks for an attribute that no history has as a statistic."""

    def __reduce__(self):
        return getattr, (HistoryBuffer, '__init__')


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """A file in the cache of ``open-mmlab://cached``."""
    monkeypatch.setenv('MMENGINE_HOME', str(tmp_path))
    names = {'cached': 'cached.pth'}
    (tmp_path / 'open_mmlab.json').write_text(json.dumps(names))
    return tmp_path / 'cached.pth'


def test_a_cached_download_is_read_restricted(cached):
    torch.save({'weight': Attribute()}, cached)
    with pytest.raises(ValueError, match='as it could run code'):
        CheckpointLoader.load_checkpoint('open-mmlab://cached')


def test_a_cached_download_is_read(cached):
    content = {'weight': torch.ones(2), 'log': HistoryBuffer([1.0], [1])}
    torch.save(content, cached)
    read = CheckpointLoader.load_checkpoint('open-mmlab://cached')
    assert read['weight'].tolist() == [1, 1]
    assert read['log'].current() == 1


def test_a_storage_is_read_restricted(tmp_path):
    path = tmp_path / 'stored.pth'
    torch.save({'weight': Attribute()}, path)
    with (
        open(path, 'rb') as file,
        pytest.raises(ValueError, match='as it could run code'),
    ):
        mmengine_checkpoint._safe_torch_load(file)


@pytest.mark.parametrize(
    'name', ['https://example.org/a.pth', 'open-mmlab://resnet50_v1c']
)
def test_a_failed_download_names_the_address(name, monkeypatch):
    def load_url(url, **options):
        raise URLError('Name or service not known')

    monkeypatch.setattr(mmengine_checkpoint, 'load_url', load_url)
    with pytest.raises(FileNotFoundError, match='not known') as error:
        CheckpointLoader.load_checkpoint(name)
    assert 'expected a download of https://' in str(error.value)
    assert 'load_from, pretrained' in str(error.value)
    assert '\n' not in str(error.value)


def test_the_config_of_a_download_is_left_out(monkeypatch):
    def load_url(url, **options):
        return {'meta': {'epoch': 1, 'config': 'evil()'}}

    monkeypatch.setattr(mmengine_checkpoint, 'load_url', load_url)
    read = CheckpointLoader.load_checkpoint('https://example.org/a.pth')
    assert read == {'meta': {'epoch': 1}}


def test_to_resume_a_plain_run_does_not_run_the_config_in_it(tmp_path):
    trace = tmp_path / 'the config was run'
    plain_run(tmp_path / 'first').train()
    path = tmp_path / 'first/iter_1.pth'
    content = read_checkpoint(path)
    content['meta']['config'] = f'import os\nos.mkdir({str(trace)!r})'
    torch.save(content, path)

    resumed = plain_run(tmp_path / 'second', load_from=str(path), resume=True)
    resumed.train()

    assert resumed.iter == 2
    assert not trace.exists()


def plain_run(work_dir, **options):
    """A run of MMEngine alone: one step, or two when it is resumed."""
    return Runner(
        ToyModel(),
        str(work_dir),
        train_dataloader=DataLoader(ToySet(), batch_size=4),
        train_cfg={'by_epoch': False, 'max_iters': 1 + len(options) // 2},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.1}},
        default_hooks={
            'checkpoint': {
                'type': 'CheckpointHook',
                'interval': 1,
                'by_epoch': False,
            }
        },
        experiment_name=f'plain-{work_dir}',
        **options,
    )
