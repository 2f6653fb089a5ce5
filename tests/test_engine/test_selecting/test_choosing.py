"""All processes of a run must have chosen the same."""

import pytest
import torch

from gps_seg.stack import require_openmmlab

require_openmmlab()

from gps_seg.engine.selecting import choosing  # noqa: E402
from gps_seg.peft import Choice  # noqa: E402
from gps_seg.sparse import Selection  # noqa: E402


def choice(index=1, modules=('fc1',)):
    selection = Selection({'w': torch.tensor([index])}, {'w': (2, 3)})
    return Choice(selection, structure={'modules': list(modules)})


@pytest.mark.parametrize(
    'other', [choice(index=2), choice(modules=()), choice(modules=('fc2',))]
)
def test_processes_that_choose_differently_are_an_error(monkeypatch, other):
    met = []  # what each process tells the others
    monkeypatch.setattr(
        choosing, 'all_gather_object', lambda own: met.append(own) or met
    )
    choosing.check_same_everywhere(choice())
    choosing.check_same_everywhere(choice())
    with pytest.raises(RuntimeError, match='same entries and structure'):
        choosing.check_same_everywhere(other)
