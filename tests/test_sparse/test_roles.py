"""Every parameter is found once, with the module that owns it."""

from torch import nn

from gps_seg.sparse import owned_parameters


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8))
        self.tied = nn.Linear(8, 8)
        self.tied.weight = self.backbone[0].weight


def test_a_tied_weight_comes_once_under_its_first_name():
    model = Model()
    names = [name for name, _ in owned_parameters(model)]
    assert names == [name for name, _ in model.named_parameters()]
    assert 'tied.weight' not in names


def test_owner_attribute_and_kind():
    model = Model()
    owned = dict(owned_parameters(model))['backbone.1.bias']
    assert owned.parameter is model.backbone[1].bias
    assert owned.module is model.backbone[1]
    assert owned.attribute == 'bias'
    assert owned.kind == 'LayerNorm.bias'


def test_a_parameter_of_the_model_itself():
    linear = nn.Linear(2, 2)
    assert [name for name, _ in owned_parameters(linear)] == ['weight', 'bias']
