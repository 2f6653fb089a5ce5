"""Selection in a run: from training data alone, the same every time."""

import copy
import json

import pytest
import torch
from mmengine.hooks import Hook
from rounding import assert_equal_to_rounding
from safetensors.torch import save_file
from torch import nn
from toy_run import WHOLE, ForbiddenSet, ToySet, run, toy_model

from gps_seg.engine import PeftOptimWrapper
from gps_seg.engine.runner_model import averaged_model
from gps_seg.engine.selecting.losses import TaskLoss
from gps_seg.engine.selecting.scoring_pass import ScoringPass
from gps_seg.peft import Bias, Trainable
from gps_seg.sparse import Evidence, Selection


def selection_of(tmp_path, **options):
    runner, _ = run(tmp_path, iters=1, **options)
    return runner.custom_hook.selection


def test_same_seed_same_selection_whatever_the_workers(tmp_path):
    hashes = {
        selection_of(tmp_path / str(n), num_workers=n).hash for n in (0, 1, 2)
    }
    assert len(hashes) == 1


def test_the_global_generators_do_not_matter(tmp_path):
    first = selection_of(tmp_path / 'a')
    torch.rand(17)
    second = selection_of(tmp_path / 'b')
    assert first.hash == second.hash


def test_another_seed_sees_other_augmentations(tmp_path):
    first = scores(seed=0)
    assert torch.equal(first['fc'], scores(seed=0)['fc'])
    assert not torch.equal(first['fc'], scores(seed=1)['fc'])


def scores(seed, max_batches=None, dataset=None):
    model = toy_model()
    loader = torch.utils.data.DataLoader(dataset or ToySet(), batch_size=4)
    weights = {'fc': model.backbone.fc.weight}
    return last_scores(model, weights, loader, seed, max_batches)


def last_scores(model, weights, loader, seed, max_batches, **settings):
    scoring = ScoringPass(
        loss=settings.pop('loss', TaskLoss()),
        max_batches=max_batches,
        batch_size=settings.pop('batch_size', None),
        pipeline=None,
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for sums in scoring.run(
        model,
        'backbone',
        weights,
        loader,
        optimizer,
        seed,
        settings.pop('evidence', Evidence.GRADIENT),
    ):
        last = sums
    return last


def test_scores_equal_the_definition():
    class Plain(ToySet):
        def __getitem__(self, index):
            return {'x': self.x[index], 'y': self.y[index]}

    model = toy_model()
    model.backbone.drop.p = 0.0
    model.backbone.batch = nn.Identity()
    data = Plain()
    loader = torch.utils.data.DataLoader(data, batch_size=24)
    weight = model.backbone.fc.weight
    actual = last_scores(model, {'fc': weight}, loader, 0, None)
    loss = model(data.x, data.y, mode='loss')['loss']
    (expected,) = torch.autograd.grad(loss, weight)
    assert_equal_to_rounding(actual['fc'], expected, terms=24 * 5, depth=4)


def test_max_batches_bounds_what_is_read():
    data = ToySet()
    scores(seed=0, max_batches=2, dataset=data)
    assert data.reads == 8


def test_the_model_is_left_as_it_was(tmp_path):
    model = toy_model()
    before = copy.deepcopy(model.state_dict())
    model.eval()
    loader = torch.utils.data.DataLoader(ToySet(), batch_size=4)
    state = torch.get_rng_state()
    last_scores(model, {'fc': model.backbone.fc.weight}, loader, 0, None)
    assert torch.equal(torch.get_rng_state(), state)
    assert not model.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert all(p.grad is None for p in model.parameters())


def test_selection_does_not_depend_on_the_training_precision(tmp_path):
    fp32 = selection_of(tmp_path / 'fp32')
    bf16 = selection_of(tmp_path / 'bf16', wrapper='AmpPeftOptimWrapper')
    assert fp32.hash == bf16.hash


def test_the_test_split_is_never_read(tmp_path):
    forbidden = torch.utils.data.DataLoader(ForbiddenSet(), batch_size=4)
    runner, _ = run(
        tmp_path / 'a',
        iters=1,
        test_dataloader=forbidden,
        test_cfg={},
        test_evaluator=[],
    )
    expected = selection_of(tmp_path / 'b')
    assert runner.custom_hook.selection.hash == expected.hash


def test_the_work_dir_holds_selection_and_picture(tmp_path, with_picture):
    runner, _ = run(tmp_path, iters=1)
    saved = Selection.load(tmp_path / 'selection.safetensors')
    assert saved.hash == runner.custom_hook.selection.hash
    assert (tmp_path / 'selection.png').stat().st_size > 1000


def test_the_work_dir_tells_what_trained(tmp_path):
    runner, _ = run(tmp_path, iters=1)
    told = json.loads((tmp_path / 'trained.json').read_text())
    biases, head = 8 + 24 + 8 + 8, 2 * 8 + 2
    connections = 2 * biases  # k=2 for each neuron
    assert told == {
        'method': {'type': 'gps', 'k': 2},
        'selection': runner.custom_hook.selection.hash,
        'overlaps': told['overlaps'],
        'selected': connections,
        'whole': biases + head,
        'added': 0,
        'parts': {
            'connections': connections,
            'biases': biases,
            'added': 0,
            'head': head,
            'other': 0,
        },
        'all': sum(p.numel() for p in toy_model().parameters()),
    }
    assert list(told['overlaps']) == ['2', '4', '6']  # of 6 batches


def test_random_scores_read_no_data(tmp_path):
    class Counting(Hook):
        priority = 'LOW'

        def before_train(self, runner):
            self.reads = data.reads

    data, counting = ToySet(), Counting()
    method = {'type': 'gps', 'k': 1, 'score': 'random'}
    runner, _ = run(
        tmp_path, iters=1, dataset=data, method=method, hooks=[counting]
    )
    assert counting.reads == 0
    assert runner.custom_hook.selection.num_selected == 8 + 24 + 8 + 8


@pytest.mark.parametrize(
    ('method', 'trained'),
    [
        ('linear', {'decode_head.weight', 'decode_head.bias'}),
        ('bias', WHOLE),
        ('full', {name for name, _ in toy_model().named_parameters()}),
    ],
)
def test_methods_without_a_selection(tmp_path, method, trained):
    runner, before = run(tmp_path, method={'type': method})
    after = runner.model.state_dict()
    parameters = dict(toy_model().named_parameters())
    changed = {n for n in parameters if not torch.equal(before[n], after[n])}
    assert changed == trained


def test_clipping_sees_the_trained_entries_alone(tmp_path):
    class Spy(Hook):
        """The norm that was clipped, and the same from dense gradients."""

        priority = 'LOW'

        def before_train(self, runner):
            runner.model.backbone.drop.p = 0.0
            self.twin = copy.deepcopy(runner.model)
            self.selection = runner.custom_hook.selection

        def before_train_iter(self, runner, batch_idx, data_batch=None):
            self.twin(**data_batch, mode='loss')['loss'].backward()

        def after_train_iter(self, runner, *args, **kwargs):
            hub = runner.message_hub
            self.clipped = hub.get_scalar('train/grad_norm').current()

    spy = Spy()
    run(
        tmp_path,
        iters=1,
        hooks=[spy],
        wrapper_options={'clip_grad': {'max_norm': 1e9}},
    )
    squares = 0
    for name, parameter in spy.twin.named_parameters():
        if name in spy.selection:
            gradient = parameter.grad.flatten()[spy.selection[name]]
        elif name in WHOLE:
            gradient = parameter.grad
        else:
            continue
        squares += gradient.square().sum()
    assert spy.clipped == pytest.approx(float(squares.sqrt()), rel=1e-5)


def test_groups_keep_their_learning_rates(tmp_path):
    runner, _ = run(
        tmp_path,
        iters=1,
        wrapper_options={
            'paramwise_cfg': {
                'custom_keys': {'backbone.fc': {'lr_mult': 0.25}},
                'bias_decay_mult': 0.0,
            }
        },
        optimizer={'type': 'AdamW', 'lr': 0.04, 'weight_decay': 0.1},
    )
    groups = runner.optim_wrapper.optimizer.param_groups
    values = runner.custom_hook.trainable.selected['backbone.fc.weight'].values
    (group,) = [g for g in groups if any(p is values for p in g['params'])]
    assert group['lr'] == pytest.approx(0.01)
    bias = runner.model.backbone.stem.bias
    (group,) = [g for g in groups if any(p is bias for p in g['params'])]
    assert group['lr'] == pytest.approx(0.04)
    assert group['weight_decay'] == 0


def test_resume_restores_instead_of_selecting(tmp_path, monkeypatch):
    first, _ = run(tmp_path, iters=3)

    def forbidden(*args, **kwargs):
        raise AssertionError('selected again')

    monkeypatch.setattr(
        'gps_seg.engine.training.peft_hook.ScoringPass.run', forbidden
    )
    second, _ = run(tmp_path, iters=6, model=toy_model(9), resume=True)
    hashes = {run.custom_hook.selection.hash for run in (first, second)}
    assert len(hashes) == 1


def test_resume_with_another_method_is_refused(tmp_path):
    run(tmp_path, iters=3)
    with pytest.raises(ValueError, match=r"'k': 1.*checkpoint of.*'k': 2"):
        run(tmp_path, method={'type': 'gps', 'k': 1}, iters=6, resume=True)


GRFT = {
    'type': 'grft',
    'k': 1,
    'unit': 'row',
    'penalty': 0.1,
    'last_blocks': 1,
}


@pytest.mark.parametrize(
    ('method', 'error', 'message'),
    [
        ({'type': 'gps'}, ValueError, 'exactly one of k, share, count'),
        ({'type': 'gps', 'k': 0}, ValueError, 'expected k >= 1'),
        ({'type': 'gps', 'k': 1, 'share': 0.1}, ValueError, 'exactly one'),
        ({'type': 'gps', 'k': 1.5}, TypeError, 'expected an int'),
        ({'type': 'gps', 'k': 9}, ValueError, r'1 to 8 .*attn.in_proj.*got 9'),
        ({'type': 'gps', 'k': 1, 'kk': 2}, ValueError, r"\['kk'\]"),
        ({'type': 'gps', 'k': 1, 'score': 'x'}, ValueError, "'gradient', 'f"),
        ({'type': 'gps', 'k': 1, 'scope': 'x'}, ValueError, "'neuron', 'l"),
        ({'type': 'gps', 'count': 9}, ValueError, 'count: expected '),
        ({'type': 'sift'}, ValueError, r"'sift': expected a value for \['s"),
        ({'type': 'sift', 'share': 2}, ValueError, 'share: expected a num'),
        (GRFT | {'unit': 'x'}, ValueError, "'row', 'column'"),
        (GRFT | {'k': 9}, ValueError, r'1 to 8 .*rows of .*got 9'),
        (GRFT | {'penalty': -1}, ValueError, 'penalty: expected a num'),
        (GRFT | {'last_blocks': 3}, ValueError, 'last_blocks: expected an en'),
        ({'type': 'gps', 'k': 1, 'encoder': 'x'}, ValueError, "'decode_head"),
        ({'type': 'x'}, ValueError, "'full', 'gps', 'grft'"),
        ({}, ValueError, 'got None'),
    ],
)
def test_a_bad_method_fails_before_data_is_read(
    tmp_path, method, error, message
):
    data = ToySet()
    with pytest.raises(error, match=message):
        run(tmp_path, method=method or {'x': 1}, dataset=data)
    assert data.reads == 0


def test_a_frozen_encoder_cannot_be_selected_in(tmp_path):
    model = toy_model()
    model.backbone.requires_grad_(False)
    with pytest.raises(ValueError, match='expected trainable connections'):
        run(tmp_path, model=model)


def test_a_plain_wrapper_is_refused(tmp_path):
    with pytest.raises(ValueError, match='PeftOptimWrapper.*got'):
        run(tmp_path, wrapper='OptimWrapper')


def test_an_unknown_key_of_the_hook(tmp_path):
    with pytest.raises(TypeError, match='max_batchs'):
        run(tmp_path, hook_options={'max_batchs': 3})


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'max_batches': 0}, 'max_batches: expected max_batches >= 1'),
        ({'batch_size': 0}, 'batch_size: expected batch_size >= 1'),
        ({'loss': {'type': 'x'}}, r"\['contrastive', 'task'\], got 'x'"),
        ({'loss': {'type': 'task', 'x': 1}}, r"'task': expected keys among"),
        (
            {'loss': {'type': 'task', 'warmup': -1}},
            'warmup: expected',
        ),
        ({'loss': {'type': 'contrastive', 'views': 0}}, 'views: expected'),
    ],
)
def test_bad_settings_of_the_pass_fail_before_data_is_read(
    tmp_path, options, message
):
    data = ToySet()
    with pytest.raises(ValueError, match=message):
        run(tmp_path, dataset=data, hook_options=options)
    assert data.reads == 0


def test_a_nonfinite_loss_while_scoring_writes_nothing(tmp_path):
    data = ToySet()
    data.x[5] = float('nan')
    with pytest.raises(ValueError, match='finite value, got nan while scor'):
        run(tmp_path, dataset=data)
    assert not (tmp_path / 'selection.safetensors').exists()


def test_a_wrapper_without_the_hook_refuses_to_train(tmp_path):
    model = toy_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    wrapper = PeftOptimWrapper(optimizer=optimizer)
    with pytest.raises(RuntimeError, match='expected a PeftHook'):
        wrapper.update_params(model.decode_head.weight.sum())


def test_a_checkpoint_of_another_architecture_is_refused(tmp_path):
    path = tmp_path / 'other.pth'
    torch.save({'state_dict': {'backbone.stem.weight': torch.ones(1)}}, path)
    with pytest.raises(ValueError, match='another architecture'):
        run(tmp_path, load_from=str(path))


def test_a_checkpoint_of_other_shapes_is_refused(tmp_path):
    path = tmp_path / 'other.pth'
    state = toy_model().state_dict()
    state['backbone.fc.weight'] = torch.ones(8, 9)
    torch.save({'state_dict': state}, path)
    with pytest.raises(ValueError, match=r'\(8, 8\), got \(8, 9\)'):
        run(tmp_path, load_from=str(path))


def test_an_optimizer_that_misses_a_trained_parameter():
    model = toy_model()
    head_only = torch.optim.SGD(model.decode_head.parameters(), lr=0.1)
    wrapper = PeftOptimWrapper(optimizer=head_only)
    biases = Trainable(model, Bias().roles(model), Selection({}, {}))
    with pytest.raises(ValueError, match=r'own every.*backbone\.stem'):
        wrapper.train_only(biases)


def test_declaring_after_a_step_is_refused():
    model = toy_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    model.decode_head.weight.sum().backward()
    optimizer.step()
    wrapper = PeftOptimWrapper(optimizer=optimizer)
    biases = Trainable(model, Bias().roles(model), Selection({}, {}))
    with pytest.raises(RuntimeError, match='no step before the selection'):
        wrapper.train_only(biases)


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_a_bare_state_dict_starts_an_average_like_a_nested_one(
    tmp_path, suffix
):
    state = toy_model(seed=5).state_dict()
    nested, bare = tmp_path / 'nested.pth', tmp_path / f'bare{suffix}'
    torch.save({'state_dict': state}, nested)
    torch.save(state, bare) if suffix == '.pth' else save_file(state, bare)
    runs = [
        run(
            tmp_path / file.stem,
            load_from=str(file),
            hooks=[{'type': 'EMAHook', 'momentum': 0.3}],
        )[0]
        for file in (nested, bare)
    ]
    averages = [averaged_model(runner).state_dict() for runner in runs]
    for name, expected in averages[0].items():
        assert torch.equal(averages[1][name], expected), name
    frozen = 'backbone.norm.weight'
    assert torch.equal(averages[1][frozen], state[frozen])
