"""What is attached while a method chooses is trained, scored and gone."""

import copy

import pytest
import torch
from bits import other_bits
from contract_models import IMAGE, SmallModel
from distributed_cases import StopAfter, StoppedError
from mmengine.hooks import Hook
from mmseg.models.backbones import VisionTransformer
from torch.utils.data import DataLoader
from toy_run import ToySet, run

from gps_seg.additions import attach, is_added, plan_of
from gps_seg.engine.selecting import choosing
from gps_seg.engine.selecting.head_warmup import warmed_up
from gps_seg.peft import E2VPT

METHOD = {
    'type': 'e2vpt',
    'prompts': 6,
    'key_value_prompts': 2,
    'dropout': 0.0,
    'keep_tokens': 0.5,
    'keep_segments': 0.5,
}
WARM = {'loss': {'type': 'task', 'warmup': 20}}
SGD = {'type': 'SGD', 'lr': 0.05}


def small_model():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        vit = VisionTransformer(
            img_size=IMAGE,
            patch_size=4,
            embed_dims=16,
            num_layers=2,
            num_heads=2,
            mlp_ratio=2,
            out_indices=(1,),
        )
        model = SmallModel(vit, 16)
        for parameter in model.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
    return model


def groups(model):
    """Rates of their own for vectors and matrices of the encoder."""
    rates = {'decode_head': 0.1, 1: 0.02, 2: 0.003}
    sorted_out = {rate: [] for rate in rates.values()}
    for name, parameter in model.named_parameters():
        start = name.partition('.')[0]
        rate = rates.get(start, rates[min(parameter.ndim, 2)])
        sorted_out[rate].append(parameter)
    return torch.optim.SGD(
        [{'params': own, 'lr': rate} for rate, own in sorted_out.items()]
    )


def test_a_warm_up_trains_what_is_attached_save_what_is_scored():
    model = small_model()
    optimizer = groups(model)
    method = E2VPT(**{k: v for k, v in METHOD.items() if k != 'type'})
    plan = method.provisional(model)
    attach(model, plan, seed=0)
    gates = {p for n, p in model.named_parameters() if n.endswith('gates')}
    assert len(gates) == 4
    before = copy.deepcopy(model.state_dict())
    loader = DataLoader(ToySet(), batch_size=8)
    with warmed_up(model, 'backbone', 1, loader, optimizer, scored=gates):
        for name, parameter in model.named_parameters():
            moved = (parameter - before[name]).abs().max().item()
            if name.startswith('decode_head'):
                assert moved == pytest.approx(0.1, rel=1e-3), name
            elif is_added(name) and parameter not in gates:
                # The first step of AdamW is the rate of the plain matrix.
                assert moved == pytest.approx(0.003, rel=1e-3), name
            else:
                assert moved == 0, name
    for name, tensor in model.state_dict().items():
        assert not other_bits(tensor, before[name]).any(), name


class Start(Hook):
    """Remembers the weights with which the first iteration begins."""

    state = None

    def before_train_iter(self, runner, *args, **kwargs):
        if self.state is None:
            self.state = copy.deepcopy(runner.model.state_dict())


def train(folder, *hooks, method=METHOD, **others):
    model = small_model()
    return run(
        folder,
        model=model,
        method=method,
        optimizer=SGD,
        hooks=hooks,
        **others,
    )[0]


def left(runner):
    plan = runner.custom_hook.trainable.added
    return {
        str(one.place): one.settings['kept']
        for one in plan
        if one.kind == 'pruned_prompts'
    }


def test_training_starts_from_the_bits_before_the_warm_up(tmp_path):
    warm, start = Start(), Start()
    cold_run = train(tmp_path / 'cold')
    warm_run = train(tmp_path / 'warm', warm, hook_options=WARM)
    unpruned = METHOD | {'keep_tokens': 1.0, 'keep_segments': 1.0}
    train(tmp_path / 'all', start, method=unpruned)
    assert left(cold_run) != left(warm_run)
    plain = small_model().state_dict()
    for name, tensor in warm.state.items():
        if name.endswith('.tokens'):
            block, _, key = name.partition('.added.')
            assert key == 'pruned_prompts.tokens'
            whole = start.state[f'{block}.added.prompts.tokens']
            expected = torch.stack(
                [whole[token][own] for token, own in left(warm_run)[block]]
            )
        else:
            expected = start.state[name] if is_added(name) else plain[name]
        assert not other_bits(tensor, expected).any(), name


def test_prompts_are_scored_with_the_values_that_they_begin_with(tmp_path):
    whole, scored, start = METHOD | {'keep_tokens': 1.0}, {}, Start()
    model = small_model()

    def remember(backbone, _args):
        if not scored:
            scored.update(copy.deepcopy(backbone.state_dict()))

    handle = model.backbone.register_forward_pre_hook(remember)
    run(tmp_path / 'run', model=model, method=whole, iters=1)
    handle.remove()
    unpruned = METHOD | {'keep_tokens': 1.0, 'keep_segments': 1.0}
    train(tmp_path / 'all', start, method=unpruned)
    added = {name for name in scored if is_added(name)}
    gates = {name for name in added if name.endswith('gates')}
    assert len(gates) == 4 and len(added) == 8
    for name in added - gates:
        as_prompts = name.replace('pruned_prompts', 'prompts')
        expected = start.state[f'backbone.{as_prompts}']
        assert not other_bits(scored[name], expected).any(), name


def test_the_choice_disturbs_neither_data_nor_random_numbers(tmp_path):
    class Seen(Hook):
        def __init__(self):
            self.batches, self.drawn = [], []

        def before_train_iter(self, runner, batch_idx, data_batch=None):
            self.batches.append(data_batch['x'].clone())
            self.drawn.append(torch.get_rng_state())

    pruned, unpruned = Seen(), Seen()
    train(tmp_path / 'pruned', pruned, hook_options=WARM)
    whole = METHOD | {'keep_tokens': 1.0, 'keep_segments': 1.0}
    train(tmp_path / 'unpruned', unpruned, method=whole)
    assert len(pruned.batches) == 6
    assert all(map(torch.equal, pruned.batches, unpruned.batches))
    assert all(map(torch.equal, pruned.drawn, unpruned.drawn))


def test_a_resumed_run_keeps_what_was_left(tmp_path):
    options = {'hook_options': WARM}
    seeded = {'type': 'SeededStepsHook'}
    straight = train(tmp_path / 'straight', seeded, **options)
    with pytest.raises(StoppedError):
        train(tmp_path / 'stopped', seeded, StopAfter(3), **options)
    resumed = train(tmp_path / 'stopped', seeded, resume=True, **options)
    assert left(resumed) == left(straight)
    expected = straight.model.state_dict()
    assert list(resumed.model.state_dict()) == list(expected)
    for name, tensor in resumed.model.state_dict().items():
        assert not other_bits(tensor, expected[name]).any(), name


def test_an_error_while_choosing_detaches_everything(tmp_path):
    data = ToySet()
    data.x[5] = float('nan')
    model = small_model()
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match='finite value, got nan'):
        run(tmp_path, model=model, method=METHOD, dataset=data)
    assert len(plan_of(model)) == 0
    assert list(model.state_dict()) == list(before)
    for name, tensor in model.state_dict().items():
        assert not other_bits(tensor, before[name]).any(), name


def test_processes_with_other_prompts_left_are_an_error(tmp_path, monkeypatch):
    def gather(own):
        selection, structure = own
        return [own, (selection, structure.replace('[0', '[1'))]

    monkeypatch.setattr(choosing, 'all_gather_object', gather)
    with pytest.raises(RuntimeError, match='same entries and structure'):
        train(tmp_path)


def test_settings_that_do_not_fit_the_model_fail_before_data_is_read(
    tmp_path,
):
    data = ToySet()
    with pytest.raises(ValueError, match='prompts: expected an encoder'):
        run(tmp_path, method=METHOD, dataset=data)
    assert data.reads == 0
