"""The loader of the scoring pass: shards, what is left over, settings."""

import pytest
import torch
from mmengine.dataset import Compose
from rounding import assert_equal_to_rounding
from torch.utils.data import DataLoader, IterableDataset
from toy_run import ToySet, run, toy_model

from gps_seg.engine.selecting import scoring_data
from gps_seg.engine.selecting.even_batches import EvenBatches, num_batches
from gps_seg.engine.selecting.head_warmup import warmed_up
from gps_seg.engine.selecting.losses import TaskLoss
from gps_seg.engine.selecting.scoring_data import (
    scoring_loader,
    with_pipeline,
)
from gps_seg.engine.selecting.scoring_pass import ScoringPass
from gps_seg.engine.training.seeded_steps import numbered_loader
from gps_seg.sparse import Evidence


class NoAugmentation(ToySet):
    def __getitem__(self, index):
        return {'x': self.x[index], 'y': self.y[index]}


@pytest.mark.parametrize('processes', [1, 2, 3, 8])
@pytest.mark.parametrize('largest', [1, 2, 3, 4, 64])
def test_every_image_is_in_one_batch_of_one_process(largest, processes):
    for total in (1, 2, 3, 5, 7, 8, 16, 100, 127, 880):
        batches, weighed = [], 0
        for rank in range(processes):
            share = EvenBatches(range(total), largest, rank, processes)
            both = zip(share, share.weights, strict=True)
            batches.append([b for b, weight in both if weight])
            weighed += sum(share.weights)
            assert len(share) == num_batches(total, largest, processes)
        seen = [index for of_one in batches for b in of_one for index in b]
        assert sorted(seen) == list(range(total))
        assert weighed == pytest.approx(total / largest)
        sizes = {len(b) for of_one in batches for b in of_one}
        assert max(sizes) - min(sizes) <= 1
        assert max(sizes) <= largest + (2 if largest < 4 else 0)
        # Alone only if that was asked for, or there are no more images.
        assert min(sizes) > 1 or largest == 1 or total < 2 * processes


def test_the_order_goes_with_the_seed_and_not_with_the_view():
    loader = DataLoader(ToySet(24), batch_size=4)
    orders = [
        list(scoring_loader(loader, seed, view=view).batch_sampler)
        for seed, view in ((0, 0), (0, 1), (1, 0))
    ]
    assert orders[0] == orders[1] != orders[2]


def quiet_model():
    """A model in which an image does not depend on those beside it."""
    model = toy_model()
    model.backbone.drop.p = 0.0
    model.backbone.batch = torch.nn.Identity()
    return model


def summed(monkeypatch, data, batch, processes, evidence):
    """Sums over the scoring passes of all processes."""
    model = quiet_model()
    weight = model.backbone.fc.weight
    scoring = ScoringPass(
        loss=TaskLoss(), max_batches=None, batch_size=None, pipeline=None
    )
    total = torch.zeros_like(weight)
    for rank in range(processes):
        monkeypatch.setattr(
            scoring_data,
            'get_dist_info',
            lambda rank=rank: (rank, processes),
        )
        *_, last = scoring.run(
            model,
            'backbone',
            {'fc': weight},
            DataLoader(data, batch_size=batch),
            torch.optim.SGD(model.parameters(), lr=0.1),
            0,
            evidence,
        )
        total += last['fc']
    return total.detach()


UNEVEN = [(24, 4, 1), (7, 4, 1), (7, 2, 2), (5, 1, 2), (9, 4, 2), (1, 4, 2)]


@pytest.mark.parametrize(('images', 'batch', 'processes'), UNEVEN)
def test_gradients_of_all_batches_are_those_of_the_images(
    monkeypatch, images, batch, processes
):
    data, model = NoAugmentation(images), quiet_model()
    found = summed(monkeypatch, data, batch, processes, Evidence.GRADIENT)
    loss = model(data.x, data.y, mode='loss')['loss']  # a mean over images
    weight = model.backbone.fc.weight
    (expected,) = torch.autograd.grad(loss * images / batch, weight)
    assert_equal_to_rounding(found, expected, terms=images * 5, depth=4)


@pytest.mark.parametrize(('images', 'batch', 'processes'), UNEVEN[:-1])
def test_inputs_of_all_batches_are_those_of_the_images(
    monkeypatch, images, batch, processes
):
    data, model = NoAugmentation(images), quiet_model()
    found = summed(monkeypatch, data, batch, processes, Evidence.INPUT)
    met = []
    model.backbone.fc.register_forward_pre_hook(
        lambda _, args: met.append(args[0].detach().abs().sum((0, 1)))
    )
    model(data.x, data.y)
    expected = met[0].expand_as(found)
    assert_equal_to_rounding(found, expected, terms=images * 5, depth=4)


def test_an_empty_data_set_is_refused():
    with pytest.raises(ValueError, match='for the selection, got an empty'):
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
    with pytest.raises(ValueError, match='its own batch sampler'):
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
