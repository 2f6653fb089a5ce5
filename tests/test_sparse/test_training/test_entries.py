"""Entries of dense tensors, read and written against plain flat copies."""

import pytest
import torch

from gps_seg.sparse.training.entries import read_entries, write_entries

LAYOUTS = {
    'contiguous': torch.empty(2, 3, 4, 5),
    'channels last': torch.empty(2, 3, 4, 5).to(
        memory_format=torch.channels_last
    ),
    'transposed': torch.empty(5, 4).t(),
    'every second row': torch.empty(8, 5)[::2],
    'one number': torch.empty(()),
    'no number': torch.empty(0, 3),
}


@pytest.fixture
def deterministic():
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def bits(tensor):
    return tensor.contiguous().view(torch.int32).flatten().tolist()


@pytest.mark.parametrize('share', [0, 0.4, 1])
@pytest.mark.parametrize('layout', LAYOUTS)
def test_entries_are_those_of_the_flattened_tensor(
    deterministic, layout, share
):
    torch.manual_seed(0)
    # `empty_like` and `randn_like` keep the strides.
    tensor = torch.randn_like(LAYOUTS[layout])
    if layout == 'every second row':
        tensor = torch.randn(8, 5)[::2]
        assert not tensor.is_contiguous()
    expected = tensor.flatten().tolist()
    indices = torch.arange(tensor.numel())[: int(share * tensor.numel())]
    read = read_entries(tensor, indices)
    assert read.tolist() == [expected[i] for i in indices]
    version = tensor._version
    write_entries(tensor, indices, read + 1)
    for i in indices:
        expected[i] = (torch.tensor(expected[i]) + 1).item()
    assert tensor.flatten().tolist() == expected
    assert tensor._version > version or not len(indices)


def test_bits_are_kept():
    odd = torch.tensor([-0.0, 0.0, float('nan'), float('-inf'), 1e-40])
    tensor = torch.zeros(2, 5)
    indices = torch.tensor([1, 3, 5, 7, 9])
    write_entries(tensor, indices, odd)
    assert bits(read_entries(tensor, indices)) == bits(odd)


def test_values_are_rounded_to_the_dtype_of_the_tensor():
    tensor = torch.zeros(3, dtype=torch.bfloat16)
    write_entries(tensor, torch.tensor([1]), torch.tensor([1.001]))
    assert tensor.tolist() == [0, 1, 0]


def test_a_parameter_is_written_without_a_graph():
    weight = torch.nn.Parameter(torch.zeros(2, 2))
    values = torch.ones(1, requires_grad=True)
    write_entries(weight, torch.tensor([3]), values)
    assert weight.is_leaf
    assert weight.tolist() == [[0, 0], [0, 1]]
    assert not read_entries(weight, torch.tensor([3])).requires_grad
