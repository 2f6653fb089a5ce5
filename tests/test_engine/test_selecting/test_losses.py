"""What selects besides the task loss: features, views, a warm head."""

import copy

import pytest
import torch
from mmengine.structures import PixelData
from mmpretrain.structures import DataSample
from mmseg.structures import SegDataSample
from torch import nn
from toy_run import ToySet, run, toy_model

from gps_seg.engine.selecting.head_warmup import warmed_up
from gps_seg.engine.selecting.losses import (
    ContrastiveLoss,
    TaskLoss,
    draw_pixels,
)
from gps_seg.engine.selecting.scoring_data import scoring_loader
from gps_seg.engine.selecting.scoring_pass import ScoringPass
from gps_seg.engine.training.ignored_settings import ignored_by_method
from gps_seg.engine.training.peft_hook import PeftHook
from gps_seg.sparse import Evidence
from gps_seg.sparse.scoring.contrastive import supervised_contrastive_loss


class Preprocessor(nn.Module):
    """Remembers how it was asked; mixes images as MMPretrain's does."""

    def forward(self, batch, training):
        self.training_was = training
        inputs = torch.stack(batch['inputs'])
        return {'inputs': inputs, 'data_samples': batch['data_samples']}


class Segmentor(nn.Module):
    def __init__(self):
        super().__init__()
        self.data_preprocessor = Preprocessor()
        self.first = nn.Conv2d(3, 4, 1)
        self.second = nn.Conv2d(4, 5, 2, stride=2)

    def backbone(self, inputs):
        return self.first(inputs), self.second(self.first(inputs))


class Classifier(nn.Module):
    def __init__(self, as_map=False):
        super().__init__()
        self.data_preprocessor = Preprocessor()
        self.fc = nn.Linear(3 * 4 * 4, 6)
        self.as_map = as_map

    def extract_feat(self, inputs):
        vectors = self.fc(inputs.flatten(1))
        if self.as_map:
            return (vectors.view(-1, 3, 1, 2),)
        return (inputs, vectors)


def images(number, seed):
    generator = torch.Generator().manual_seed(seed)
    return list(torch.randn(number, 3, 4, 4, generator=generator))


def segmentation_batch(labels, seed=0):
    samples = [
        SegDataSample(gt_sem_seg=PixelData(data=label[None]))
        for label in labels
    ]
    return {'inputs': images(len(labels), seed), 'data_samples': samples}


def classification_batch(labels, seed=0):
    samples = [DataSample().set_gt_label(label) for label in labels]
    return {'inputs': images(len(labels), seed), 'data_samples': samples}


def test_a_segmentor_is_compared_pixel_by_pixel_of_its_last_map():
    model = Segmentor()
    quadrants = torch.tensor([[0, 1], [1, 255]]).repeat_interleave(2, 0)
    label = quadrants.repeat_interleave(2, 1)  # 4 x 4, one class a patch
    batch = segmentation_batch([label, label.T.contiguous()])
    loss = ContrastiveLoss(temperature=0.2, views=1, pixels=9)
    found = loss.of(model, 'backbone', [batch])
    maps = model.second(model.first(torch.stack(batch['inputs'])))
    features, classes = [], []
    for image in range(2):
        for row, column, value in ((0, 0, 0), (0, 1, 1), (1, 0, 1)):
            features.append(maps[image, :, row, column])
            classes.append(value)
    expected = supervised_contrastive_loss(
        torch.stack(features), torch.tensor(classes), 0.2
    )
    torch.testing.assert_close(found, expected)
    assert model.data_preprocessor.training_was  # pads to one size


@pytest.mark.parametrize('as_map', [False, True])
def test_a_classifier_is_compared_by_what_its_head_is_given(as_map):
    model = Classifier(as_map)
    views = [classification_batch([3, 1, 3], seed) for seed in (0, 1)]
    found = ContrastiveLoss(temperature=0.2).of(model, 'backbone', views)
    inputs = torch.stack(views[0]['inputs'] + views[1]['inputs'])
    features = model.fc(inputs.flatten(1))
    if as_map:
        features = features.view(6, 3, 2).mean(2)
    expected = supervised_contrastive_loss(
        features, torch.tensor([3, 1, 3, 3, 1, 3]), 0.2
    )
    torch.testing.assert_close(found, expected)
    assert not model.data_preprocessor.training_was  # mixes no images


def test_pixels_are_drawn_up_to_a_number_from_each_class():
    features = torch.arange(2 * 16.0).view(2, 1, 4, 4)
    labels = torch.zeros(2, 1, 4, 4, dtype=torch.long)
    labels[0, 0, 0, :3] = 7
    labels[1] = 255
    drawn, classes = draw_pixels(features, labels, 5, 255)
    assert drawn.shape == (5 + 3, 1)
    assert classes.tolist() == [0] * 5 + [7] * 3
    places = drawn.flatten().long()
    assert len(set(places.tolist())) == 8  # none twice
    assert torch.equal(labels[0].flatten()[places], classes)


def test_labels_that_are_ignored_throughout():
    with pytest.raises(ValueError, match='expected pixels of some class'):
        draw_pixels(
            torch.ones(1, 2, 2, 2), torch.full((1, 1, 2, 2), 255), 3, 255
        )


@pytest.mark.parametrize('void', [11, 0, 255])
def test_void_selects_alike_whatever_its_label_is(void):
    """Classes 1 to 4, and a region without one under another label."""
    gradients = []
    for label in (255, void):
        torch.manual_seed(0)
        model = Segmentor()
        model.decode_head = nn.Module()
        model.decode_head.ignore_index = label
        classes = torch.randint(1, 5, (2, 4, 4)).repeat_interleave(2, 1)
        classes = classes[:, ::2].repeat_interleave(2, 2)[..., :4]
        classes[:, :2, :2] = label
        batch = segmentation_batch(list(classes))
        torch.manual_seed(1)  # of the pixels that are drawn
        loss = ContrastiveLoss(views=1, pixels=2)
        loss.of(model, 'backbone', [batch]).backward()
        gradients.append(model.second.weight.grad)
    assert gradients[0].any()
    assert torch.equal(*gradients)


def test_views_are_the_same_images_otherwise_augmented():
    class Numbered(ToySet):
        def __getitem__(self, index):
            return {'index': index, 'noise': torch.rand(())}

    loader = torch.utils.data.DataLoader(Numbered(), batch_size=4)
    first, second = (
        list(scoring_loader(loader, seed=0, view=view)) for view in (0, 1)
    )
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a['index'], b['index'])
        assert not torch.equal(a['noise'], b['noise'])


def test_the_batch_may_be_larger_than_in_training(tmp_path):
    data = ToySet()
    loader = torch.utils.data.DataLoader(data, batch_size=4)
    sizes = [len(batch['y']) for batch in scoring_loader(loader, 0, 12)]
    assert sizes == [12, 12]
    data.reads = 0
    run(
        tmp_path,
        iters=1,
        dataset=data,
        hook_options={'batch_size': 12, 'max_batches': 1},
    )
    assert data.reads == 12 + 4


class Recorder(nn.Module):
    """A transform that tells that it ran."""

    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def __call__(self, sample):
        self.seen.append(sample)
        return sample


class WithPipeline(ToySet):
    def __init__(self):
        super().__init__()
        self.pipeline = self.unchanged

    def unchanged(self, sample):
        self.reads_in_training = getattr(self, 'reads_in_training', 0) + 1
        return sample

    def __getitem__(self, index):
        return self.pipeline({'x': self.x[index], 'y': self.y[index]})


def test_the_selection_may_see_the_images_otherwise_than_the_training(
    tmp_path,
):
    data, seen = WithPipeline(), []
    options = {'pipeline': [Recorder(seen)], 'max_batches': 2}
    run(tmp_path, iters=1, dataset=data, hook_options=options)
    assert len(seen) == 2 * 4
    assert data.reads_in_training == 4
    assert data.pipeline == data.unchanged


def test_a_pipeline_for_a_data_set_without_one(tmp_path):
    with pytest.raises(ValueError, match='a data set with a pipeline, got T'):
        run(tmp_path, hook_options={'pipeline': []})


def head_loss(model, data):
    with torch.no_grad():
        return model(data.x, data.y, mode='loss')['loss'].item()


def test_a_warm_head_is_trained_inside_and_as_before_outside():
    model, data = toy_model(), ToySet()
    model.backbone.drop.p = 0.0
    model.backbone.batch = nn.Identity()
    before = copy.deepcopy(model.state_dict())
    loader = torch.utils.data.DataLoader(data, batch_size=8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    cold = head_loss(model, data)
    with warmed_up(model, 'backbone', 20, loader, optimizer):
        assert head_loss(model, data) < cold - 0.01
        inside = model.state_dict()
        for name, parameter in model.named_parameters():
            same = torch.equal(inside[name], before[name])
            assert same is name.startswith('backbone'), name
            assert parameter.grad is None
    for name, _ in model.named_parameters():
        assert torch.equal(model.state_dict()[name], before[name]), name


def test_a_warm_head_is_put_back_after_an_error():
    model = toy_model()
    before = copy.deepcopy(model.decode_head.state_dict())
    loader = torch.utils.data.DataLoader(ToySet(), batch_size=8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with (
        pytest.raises(KeyError),
        warmed_up(model, 'backbone', 3, loader, optimizer),
    ):
        raise KeyError
    for name, tensor in model.decode_head.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_a_warm_head_selects_otherwise_and_trains_from_the_same_start(
    tmp_path,
):
    cold, _ = run(tmp_path / 'cold', iters=1)
    loss = {'type': 'task', 'warmup': 30}
    warm, _ = run(tmp_path / 'warm', iters=1, hook_options={'loss': loss})
    cold_hook, warm_hook = cold.custom_hook, warm.custom_hook
    assert cold_hook.selection.hash != warm_hook.selection.hash
    start = toy_model().decode_head.weight
    for runner in (cold, warm):
        # One step of SGD at 0.1 from the same start: it stays near.
        moved = (runner.model.decode_head.weight - start).abs().max()
        assert moved < 0.1


@pytest.mark.parametrize('evidence', Evidence)
def test_every_evidence_comes_from_the_training_loss(evidence):
    model = toy_model()
    loader = torch.utils.data.DataLoader(ToySet(), batch_size=8)
    weights = {'fc': model.backbone.fc.weight}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scoring = ScoringPass(
        loss=TaskLoss(), max_batches=2, batch_size=None, pipeline=None
    )
    *_, sums = scoring.run(
        model, 'backbone', weights, loader, optimizer, 0, evidence
    )
    assert sums.num_batches == 2
    assert (sums['fc'] != 0).any()


@pytest.mark.parametrize('score', ['fisher', 'taylor', 'activation'])
def test_every_score_runs_through_the_hook(tmp_path, score):
    method = {'type': 'gps', 'k': 1, 'score': score}
    runner, _ = run(tmp_path, iters=2, method=method)
    assert runner.custom_hook.selection.num_selected == 8 + 24 + 8 + 8


LINES = {'type': 'grft', 'k': 1, 'unit': 'row'}


@pytest.mark.parametrize(
    ('method', 'options', 'ignored'),
    [
        (
            {'type': 'gps', 'k': 1, 'score': 'magnitude', 'settled': 0.9},
            {'max_batches': 2, 'batch_size': 4},
            'batch_size, max_batches, settled',
        ),
        (
            {'type': 'gps', 'k': 1, 'score': 'activation'},
            {'loss': {'warmup': 2}, 'max_batches': 2},
            'loss',
        ),
        ({'type': 'sift', 'share': 0.1}, {'max_batches': 2}, 'max_batches'),
        (LINES | {'penalty': 0, 'last_blocks': 1}, {}, 'last_blocks'),
        (LINES | {'penalty': 1, 'last_blocks': 1}, {'max_batches': 1}, None),
        ({'type': 'gps', 'k': 1, 'settled': 1}, {'max_batches': 1}, None),
        ({'type': 'bias'}, {'loss': {'warmup': 2}}, 'loss'),
    ],
)
def test_settings_that_a_method_ignores_warn(method, options, ignored):
    hook = PeftHook(method, **options)
    given = hook.scoring.given
    told = list(ignored_by_method(hook.method, hook.config, given))
    assert [text.split(' ignored')[0] for text in told] == (
        [f'PeftHook: {ignored}'] if ignored else []
    )


def test_a_run_tells_what_it_ignores(tmp_path):
    method = {'type': 'gps', 'k': 1, 'score': 'magnitude'}
    options = {'max_batches': 2, 'batch_size': 4}
    run(tmp_path, iters=1, method=method, hook_options=options)
    (log,) = tmp_path.glob('*/*.log')
    assert log.read_text().count('batch_size, max_batches ignored') == 1


def test_the_pull_holds_the_last_blocks_and_survives_a_resume(tmp_path):
    method = {
        'type': 'grft',
        'k': 2,
        'unit': 'row',
        'penalty': 100.0,
        'last_blocks': 0,
    }
    optimizer = {'type': 'SGD', 'lr': 0.004}
    free = method | {'penalty': 0.0}

    def moved(name, **settings):
        runner, before = run(tmp_path / name, optimizer=optimizer, **settings)
        after = runner.model.state_dict()
        head = 'decode_head.weight'
        return (after[head] - before[head]).abs().max().item(), runner

    held, runner = moved('held', method=method)
    assert held < 0.5 * moved('free', method=free)[0]
    whole = runner.model.state_dict()
    resumed, _ = run(
        tmp_path / 'resumed',
        model=toy_model(seed=1),  # its head begins elsewhere
        method=method,
        optimizer=optimizer,
        load_from=str(tmp_path / 'held' / 'iter_3.pth'),
        resume=True,
    )
    starts = resumed.custom_hook.trainable.starts
    begun = toy_model().state_dict()
    assert starts.keys() == {'decode_head.weight', 'decode_head.bias'}
    for name, start in starts.items():
        assert torch.equal(start, begun[name])
    assert whole.keys() == resumed.model.state_dict().keys()
