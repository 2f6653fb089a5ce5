"""The loader of the scoring pass: shards, what is left over, settings."""

import mmengine.dataset.sampler
import pytest
import torch
from mmengine.dataset import Compose
from rounding import assert_equal_to_rounding
from torch.utils.data import DataLoader, IterableDataset
from toy_run import ToySet, run, toy_model

from gps_seg.engine.head_warmup import warmed_up
from gps_seg.engine.scoring import ScoringPass
from gps_seg.engine.scoring_data import (
    left_out,
    scoring_loader,
    with_pipeline,
)
from gps_seg.engine.seeded_steps import numbered_loader
from gps_seg.engine.selection_loss import TaskLoss
from gps_seg.sparse import Evidence


class NoAugmentation(ToySet):
    def __getitem__(self, index):
        return {'x': self.x[index], 'y': self.y[index]}


def shares(monkeypatch, images, batch, processes):
    """Batches of each process, and how many images are left out."""
    batches, told = [], set()
    for rank in range(processes):
        monkeypatch.setattr(
            mmengine.dataset.sampler,
            'get_dist_info',
            lambda rank=rank: (rank, processes),
        )
        loader = DataLoader(ToySet(images), batch_size=batch)
        scoring = scoring_loader(loader, seed=0)
        batches.append(list(scoring.batch_sampler))
        told.add(left_out(scoring))
    (unseen,) = told
    return batches, unseen


@pytest.mark.parametrize(
    ('images', 'batch', 'processes'),
    [
        (100, 16, 8),
        (1000, 128, 8),
        (880, 4, 8),
        (1000, 64, 8),
        (127, 64, 1),
        (63, 64, 1),
        (7, 4, 2),
        (7, 2, 2),
        (6, 4, 2),
        (5, 2, 2),
        (3, 1, 8),
        (1, 1, 1),
        (1, 2, 1),
        (21, 2, 1),
    ],
)
def test_all_images_are_in_batches_of_nearly_one_size(
    monkeypatch, images, batch, processes
):
    batches, unseen = shares(monkeypatch, images, batch, processes)
    sizes = {len(b) for of_one in batches for b in of_one}
    seen = [index for of_one in batches for b in of_one for index in b]
    assert len({len(of_one) for of_one in batches}) == 1
    assert max(sizes) <= min(batch, images)
    assert max(sizes) - min(sizes) <= 1
    assert unseen == images - len(set(seen))
    assert unseen == 0 or (batch == 2 and unseen <= processes)
    assert len(seen) - len(set(seen)) < processes
    assert min(sizes) > 1 or batch == 1 or images <= processes


def test_an_image_weighs_the_same_in_a_smaller_batch():
    """Sums over batches of means are those over images, up to a factor."""
    model = toy_model()
    model.backbone.drop.p = 0.0
    model.backbone.batch = torch.nn.Identity()
    weight = model.backbone.fc.weight
    data = NoAugmentation(7)
    scoring = ScoringPass(
        loss=TaskLoss(), max_batches=None, batch_size=4, pipeline=None
    )
    for sums in scoring.run(
        model,
        'backbone',
        {'fc': weight},
        DataLoader(data, batch_size=4),
        torch.optim.SGD(model.parameters(), lr=0.1),
        0,
        Evidence.GRADIENT,
    ):
        found = sums['fc']
    loss = model(data.x, data.y, mode='loss')['loss']  # a mean over images
    (expected,) = torch.autograd.grad(loss * 7 / 4, weight)
    assert_equal_to_rounding(found, expected, terms=7, depth=3)


def test_an_image_that_is_not_looked_at_is_reported(tmp_path, capsys):
    run(
        tmp_path,
        dataset=ToySet(23),
        iters=1,
        hook_options={'batch_size': 2},
    )
    assert 'Scoring: 1 of 23 images are left over' in capsys.readouterr().out


def test_no_line_where_all_are_looked_at_or_few_were_asked_for(
    tmp_path, capsys
):
    run(tmp_path / 'all', iters=1)
    few = {'max_batches': 2, 'batch_size': 2}
    run(tmp_path / 'few', dataset=ToySet(23), iters=1, hook_options=few)
    assert 'left over' not in capsys.readouterr().out


def test_an_empty_data_set_is_refused():
    with pytest.raises(ValueError, match='images to select by, got an empty'):
        scoring_loader(DataLoader(ToySet(0), batch_size=4), seed=0)


def test_a_warm_up_without_a_batch_ends_in_an_error():
    model = toy_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with (
        pytest.raises(ValueError, match='expected at least one batch'),
        warmed_up(model, 'backbone', 2, [], optimizer),
    ):
        pass


class Stream(IterableDataset):
    def __iter__(self):
        data = ToySet()
        return (data[index] for index in range(24))


@pytest.mark.parametrize(
    'copy',
    [
        lambda loader: scoring_loader(loader, seed=0),
        lambda loader: numbered_loader(loader, seed=0, rank=0),
    ],
)
def test_what_has_no_index_cannot_be_seeded(copy):
    loader = DataLoader(Stream(), batch_size=4)
    with pytest.raises(ValueError, match='got Stream, an IterableDataset'):
        copy(loader)
    data = ToySet()
    batches = torch.utils.data.BatchSampler(range(24), 4, drop_last=False)
    with pytest.raises(ValueError, match='batch sampler of its own'):
        copy(DataLoader(data, batch_sampler=batches))


class PipelineSet(ToySet):
    pipeline = Compose([])


def prepare(worker_id):
    """Stands for what a worker of the training is prepared by."""


@pytest.mark.parametrize(
    'copy',
    [
        lambda loader: scoring_loader(loader, seed=0),
        lambda loader: with_pipeline(loader, []),
        lambda loader: numbered_loader(loader, seed=0, rank=0),
    ],
)
def test_a_copy_of_a_loader_keeps_its_workers_settings(copy):
    settings = dict(
        num_workers=2,
        timeout=30,
        worker_init_fn=prepare,
        prefetch_factor=3,
        collate_fn=list,
    )
    generator = torch.Generator()
    loader = DataLoader(
        PipelineSet(), batch_size=4, generator=generator, **settings
    )
    copied = copy(loader)
    assert {name: getattr(copied, name) for name in settings} == settings
    assert len(next(iter(copied.batch_sampler))) == 4
    assert copied.generator is not generator


def test_out_of_memory_names_the_setting_that_helps(tmp_path):
    model = toy_model()

    def no_memory(*args, **kwargs):
        raise torch.OutOfMemoryError('CUDA out of memory.')

    model.backbone.fc.weight.register_hook(no_memory)  # in a backward pass
    with pytest.raises(
        torch.OutOfMemoryError, match='batches of 3 images.*batch_size'
    ):
        run(tmp_path, model=model, hook_options={'batch_size': 3})
    assert not (tmp_path / 'selection.safetensors').exists()
