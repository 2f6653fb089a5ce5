"""The DINOv2 converter against the equations of the network itself."""

import csv
import errno
import importlib.util
import json
import os
import pickle
import re
from pathlib import Path
from types import ModuleType

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from rounding import assert_equal_to_rounding
from torch import Tensor

from gps_seg.models import load_strictly
from gps_seg.models.dinov2_names import dinov2_to_mmpretrain
from gps_seg.models.weight_files import read_provenance, sha256_of

WIDTH, DEPTH, HEADS, PATCH, GRID, HIDDEN = 12, 3, 2, 4, 3, 20


def random_vit() -> dict[str, Tensor]:
    """A tiny ViT under timm's names, spelt out independently."""
    shapes = {
        'cls_token': (1, 1, WIDTH),
        'pos_embed': (1, 1 + GRID**2, WIDTH),
        'patch_embed.proj.weight': (WIDTH, 3, PATCH, PATCH),
        'patch_embed.proj.bias': (WIDTH,),
        'norm.weight': (WIDTH,),
        'norm.bias': (WIDTH,),
    }
    for n in range(DEPTH):
        for name, fan_in, fan_out in (
            ('attn.qkv', WIDTH, 3 * WIDTH),
            ('attn.proj', WIDTH, WIDTH),
            ('mlp.fc1', WIDTH, HIDDEN),
            ('mlp.fc2', HIDDEN, WIDTH),
        ):
            shapes[f'blocks.{n}.{name}.weight'] = (fan_out, fan_in)
            shapes[f'blocks.{n}.{name}.bias'] = (fan_out,)
        for name in ('norm1', 'norm2'):
            shapes[f'blocks.{n}.{name}.weight'] = (WIDTH,)
            shapes[f'blocks.{n}.{name}.bias'] = (WIDTH,)
        for name in ('ls1', 'ls2'):
            shapes[f'blocks.{n}.{name}.gamma'] = (WIDTH,)
    return {name: torch.randn(shape) for name, shape in shapes.items()}


def timm_forward(w: dict[str, Tensor], image: Tensor, heads: int) -> Tensor:
    """Tokens after the last norm, from the definition of a pre-norm ViT."""
    width = w['cls_token'].shape[-1]

    def linear(x: Tensor, name: str) -> Tensor:
        return x @ w[f'{name}.weight'].T + w[f'{name}.bias']

    def norm(x: Tensor, name: str) -> Tensor:
        mean = x.mean(-1, keepdim=True)
        var = x.var(-1, keepdim=True, unbiased=False)
        unit = (x - mean) / (var + 1e-6).sqrt()
        return unit * w[f'{name}.weight'] + w[f'{name}.bias']

    def attention(x: Tensor, block: str) -> Tensor:
        batch, tokens, _ = x.shape
        qkv = linear(x, f'{block}.attn.qkv')
        qkv = qkv.view(batch, tokens, 3, heads, width // heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        share = (q @ k.mT / (width // heads) ** 0.5).softmax(-1)
        mixed = (share @ v).transpose(1, 2).reshape(batch, tokens, width)
        return linear(mixed, f'{block}.attn.proj')

    patch = w['patch_embed.proj.weight'].shape[-1]
    x = F.conv2d(
        image,
        w['patch_embed.proj.weight'],
        w['patch_embed.proj.bias'],
        stride=patch,
    )
    position = _position(w['pos_embed'], side=x.shape[-1])
    x = x.flatten(2).mT
    x = torch.cat([w['cls_token'].expand(len(x), -1, -1), x], 1) + position
    for n in range(sum(name.endswith('ls1.gamma') for name in w)):
        block = f'blocks.{n}'
        y = attention(norm(x, f'{block}.norm1'), block)
        x = x + w[f'{block}.ls1.gamma'] * y
        y = F.gelu(linear(norm(x, f'{block}.norm2'), f'{block}.mlp.fc1'))
        x = x + w[f'{block}.ls2.gamma'] * linear(y, f'{block}.mlp.fc2')
    return norm(x, 'norm')


def _position(embedding: Tensor, side: int) -> Tensor:
    """Class token's embedding, and the grid's resized when it must be."""
    grid = round((embedding.shape[1] - 1) ** 0.5)
    if grid == side:
        return embedding
    square = embedding[:, 1:].mT.unflatten(2, (grid, grid))
    square = F.interpolate(square.float(), (side, side), mode='bicubic')
    square = square.flatten(2).mT.to(embedding)
    return torch.cat([embedding[:, :1], square], dim=1)


def mmpretrain_vit(
    tensors: dict[str, Tensor], arch: str | dict, patch: int, size: int
) -> torch.nn.Module:
    from mmpretrain.models import VisionTransformer

    model = VisionTransformer(
        arch=arch,
        img_size=size,
        patch_size=patch,
        layer_scale_init_value=1e-5,
        out_type='raw',
    )
    load_strictly(model, tensors, 'test')
    model.eval()  # returns None in MMPretrain
    return model


@pytest.fixture
def tool(repo_dir: Path) -> ModuleType:
    path = repo_dir / 'tools/model_converters/dinov2_to_mmpretrain.py'
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / 'source.safetensors'
    safetensors.torch.save_file(random_vit(), path)
    return path


def assert_computes_the_same(
    model: torch.nn.Module, vit: dict[str, Tensor], image: Tensor, heads: int
) -> None:
    """In float64, but for the position embedding, which both resize in fp32.

    Its kernel is cubic in each direction: sums of 4 x 4 terms.
    """
    exact = {name: tensor.double() for name, tensor in vit.items()}
    with torch.no_grad():
        expected = timm_forward(exact, image, heads)
        (actual,) = model.double()(image)
    assert_equal_to_rounding(actual.float(), expected.float(), terms=16)


@pytest.mark.parametrize('grid', [GRID, 2, 5])
def test_converted_model_computes_the_same(grid: int) -> None:
    vit = random_vit()
    arch = dict(
        embed_dims=WIDTH,
        num_layers=DEPTH,
        num_heads=HEADS,
        feedforward_channels=HIDDEN,
    )
    size = grid * PATCH
    model = mmpretrain_vit(dinov2_to_mmpretrain(vit)[0], arch, PATCH, size)
    image = torch.randn(2, 3, size, size, dtype=torch.float64)
    assert_computes_the_same(model, vit, image, HEADS)


@pytest.mark.parametrize(
    'size', [252, pytest.param(518, marks=pytest.mark.slow)]
)
def test_real_weights_compute_the_same(
    vit_s14_weights: Path, size: int
) -> None:
    stored = safetensors.torch.load_file(vit_s14_weights)
    tensors, _ = dinov2_to_mmpretrain(stored)
    model = mmpretrain_vit(tensors, 'dinov2-small', 14, size)
    image = torch.randn(1, 3, size, size, dtype=torch.float64)
    assert_computes_the_same(model, stored, image, heads=6)


def test_every_key_is_reported(
    tool: ModuleType, source: Path, tmp_path: Path
) -> None:
    vit = random_vit() | {'mask_token': torch.zeros(1, WIDTH)}
    safetensors.torch.save_file(vit, source)
    target = tmp_path / 'new/target.safetensors'
    for suffix in ('csv', 'json'):
        report = tmp_path / f'report.{suffix}'
        tool.main([str(source), str(target), '--report', str(report)])
    with open(tmp_path / 'report.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert {row['source'] for row in rows} == set(vit)
    written = safetensors.torch.load_file(target)
    assert {row['target'] for row in rows} - {''} == set(written)
    (dropped,) = [row for row in rows if not row['target']]
    assert dropped['source'] == 'mask_token'
    assert 'pre-training' in dropped['note']
    rows = json.loads((tmp_path / 'report.json').read_text())
    assert len(rows) == len(vit)
    assert rows[0].keys() == {'source', 'target', 'shape', 'dtype', 'note'}


def test_a_summary_is_printed_and_no_table(
    tool: ModuleType, source: Path, tmp_path: Path, capsys
) -> None:
    vit = random_vit() | {'mask_token': torch.zeros(1, WIDTH)}
    safetensors.torch.save_file(vit, source)
    target = tmp_path / 'target.safetensors'
    assert tool.main([str(source), str(target)]) == 0
    read, dropped, checked, written, _ = capsys.readouterr().out.splitlines()
    assert read == f'read: {source}, {len(vit)} tensors'
    assert dropped.startswith('mask_token: dropped: ')
    assert f'embed_dims {WIDTH}, num_layers {DEPTH}' in checked
    values = sum(tensor.numel() for tensor in vit.values()) - WIDTH
    assert written == (
        f'written: {target}, {len(vit) - 1} tensors, {values:,} values in '
        'float32'
    )


def test_half_precision_becomes_float32_exactly(
    tool: ModuleType, source: Path, tmp_path: Path
) -> None:
    half = {name: tensor.half() for name, tensor in random_vit().items()}
    safetensors.torch.save_file(half, source)
    target = tmp_path / 'target.safetensors'
    tool.main([str(source), str(target)])
    written = safetensors.torch.load_file(target)
    assert {tensor.dtype for tensor in written.values()} == {torch.float32}
    assert torch.equal(written['cls_token'], half['cls_token'].float())
    provenance = read_provenance(target)
    assert provenance['source_sha256'] == sha256_of(source)
    assert provenance['source_file'] == source.name
    assert provenance['embed_dims'] == str(WIDTH)
    assert provenance['img_size'] == str(GRID * PATCH)


def test_official_pth_with_chunked_blocks(
    tool: ModuleType, source: Path, tmp_path: Path
) -> None:
    plain = safetensors.torch.load_file(source)
    chunked = {
        name.replace('blocks.', f'blocks.{int(name[7]) // 2}.')
        if name.startswith('blocks.')
        else name: tensor
        for name, tensor in plain.items()
    }
    assert 'blocks.1.2.ls1.gamma' in chunked
    torch.save(chunked, tmp_path / 'official.pth')
    for name in ('official.pth', 'source.safetensors'):
        tool.main(
            [str(tmp_path / name), str(tmp_path / f'{name}.safetensors')]
        )
    first, second = (
        safetensors.torch.load_file(tmp_path / f'{name}.safetensors')
        for name in ('official.pth', 'source.safetensors')
    )
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_second_conversion_changes_nothing(
    tool: ModuleType, source: Path, tmp_path: Path, capsys
) -> None:
    target = tmp_path / 'target.safetensors'
    tool.main([str(source), str(target)])
    before = target.read_bytes(), target.stat().st_mtime_ns
    tool.main([str(source), str(target)])
    assert (target.read_bytes(), target.stat().st_mtime_ns) == before
    assert 'unchanged' in capsys.readouterr().out


def test_other_target_is_not_overwritten(
    tool: ModuleType, source: Path, tmp_path: Path, capsys
) -> None:
    target = tmp_path / 'target.safetensors'
    target.write_bytes(b'precious')
    assert tool.main([str(source), str(target)]) == 1
    assert re.search('expected a new file', capsys.readouterr().err)
    assert target.read_bytes() == b'precious'


def test_full_disk_leaves_nothing(
    tool: ModuleType,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys,
) -> None:
    def no_space(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, 'replace', no_space)
    target = tmp_path / 'out/target.safetensors'
    assert tool.main([str(source), str(target)]) == 1
    assert re.search('No space left', capsys.readouterr().err)
    assert list(target.parent.iterdir()) == []


class _Malicious:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def test_pickle_is_never_run(tool: ModuleType, tmp_path: Path, capsys) -> None:
    victim, source = tmp_path / 'victim', tmp_path / 'evil.pth'
    source.write_bytes(pickle.dumps(_Malicious(victim), protocol=2))
    assert tool.main([str(source), str(tmp_path / 'target.safetensors')]) == 1
    assert re.search('could run code', capsys.readouterr().err)
    torch.save({'state_dict': _Malicious(victim)}, source)
    assert tool.main([str(source), str(tmp_path / 'target.safetensors')]) == 1
    assert re.search('could run code', capsys.readouterr().err)
    assert not victim.exists()


def _without(vit: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key: tensor for key, tensor in vit.items() if key != name}


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (
            lambda vit: _without(vit, 'blocks.1.ls1.gamma'),
            r'none unknown; 1 missing \(blocks.1.ls1.gamma\)',
        ),
        (
            lambda vit: vit | {'register_tokens': torch.zeros(1, 4, WIDTH)},
            r'1 unknown \(register_tokens\); none missing',
        ),
        (
            lambda vit: {f'model.{name}': t for name, t in vit.items()},
            r'48 unknown \(model.+, \.\.\.\); 20 missing',
        ),
        (
            lambda vit: vit | {'blocks.2.attn.proj.weight': torch.ones(5, 5)},
            r'blocks.2.attn.proj.weight: expected shape \(12, 12\), got \(5',
        ),
        (
            lambda vit: vit | {'pos_embed': torch.ones(1, 12, WIDTH)},
            r'pos_embed: expected 1 \+ g \* g tokens .+ got 12',
        ),
        (
            lambda vit: vit | {'norm.bias': torch.ones(WIDTH, dtype=int)},
            r'norm.bias: expected floating-point values, got torch.int64',
        ),
        (
            lambda vit: vit | {'blocks.0.0.ls1.gamma': torch.ones(WIDTH)},
            r'one tensor per name.+: 2 under two names '
            r'\(blocks\.0\.0\.ls1\.gamma, blocks\.0\.ls1\.gamma\)',
        ),
        (lambda vit: {'x': torch.ones(1)}, r'1 unknown \(x\); 20 missing'),
    ],
    ids=[
        'missing',
        'unknown',
        'foreign',
        'shape',
        'grid',
        'integer',
        'twice',
        'other-file',
    ],
)
def test_unfit_source_is_refused(
    tool: ModuleType,
    source: Path,
    tmp_path: Path,
    change,
    message: str,
    capsys,
) -> None:
    safetensors.torch.save_file(change(random_vit()), source)
    target = tmp_path / 'target.safetensors'
    assert tool.main([str(source), str(target)]) == 1
    assert re.search(message, capsys.readouterr().err)
    assert not target.exists()


@pytest.mark.parametrize('kept', [0, 5, 1000])
def test_truncated_source_is_refused(
    tool: ModuleType, source: Path, tmp_path: Path, kept: int, capsys
) -> None:
    source.write_bytes(source.read_bytes()[:kept])
    assert tool.main([str(source), str(tmp_path / 'target.safetensors')]) == 1
    assert re.search(
        f'whole safetensors.+{kept} bytes', capsys.readouterr().err
    )


@pytest.mark.parametrize(
    'arguments',
    [['a.safetensors', 'b.pth'], ['a', 'b.safetensors', '--report', 'c.txt']],
)
def test_wrong_suffix_is_refused_at_once(
    tool: ModuleType, arguments: list[str], capsys
) -> None:
    with pytest.raises(SystemExit):
        tool.main(arguments)
    assert 'expected a name that ends in' in capsys.readouterr().err
