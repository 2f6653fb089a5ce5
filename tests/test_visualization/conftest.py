"""Looking into figures rather than at them."""

import pytest
from matplotlib.figure import Figure


@pytest.fixture
def figures(monkeypatch):
    """The figures that were saved, in order; none is rendered."""
    saved = []

    def remember(figure, path, **options):
        saved.append(figure)
        path.write_bytes(b'')

    monkeypatch.setattr(Figure, 'savefig', remember)
    return saved
