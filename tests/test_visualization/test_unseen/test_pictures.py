# Copyright (c) gps_seg contributors. Apache-2.0.
"""Pictures of a test on several data sets show what the summary holds."""

import numpy as np
import pytest
from synthetic_runs import set_scores

from gps_seg.comparison.unseen.summary import Damage, Facts, summarise_sets
from gps_seg.visualization.palette import PALETTE
from gps_seg.visualization.unseen.ensembles import ensembles_figure
from gps_seg.visualization.unseen.pictures import plot_sets
from gps_seg.visualization.unseen.scores import scores_figure
from gps_seg.visualization.unseen.severities import severities_figure

LEVELS = {'test': 85, 'clinic': 78, 'blur-2': 70, 'blur-1': 82, 'far-1': 60}
LEVELS |= {'far-3': 30, 'jpeg-4': 75}
DAMAGE = {
    'blur-1': Damage('blur', 1),
    'blur-2': Damage('blur', 2),
    'far-1': Damage('far', 1),
    'far-3': Damage('far', 3),
    'jpeg-4': Damage('jpeg', 4),
}


def sets(gain=0.0):
    noise = np.random.default_rng(4).normal(0, 5, 40)
    return {
        name: set_scores(np.clip(level + noise + gain, 0, 100))
        for name, level in LEVELS.items()
    }


def summary_of(alphas=(), **facts):
    scores = {1.0: sets(), **{a: sets(-4 * (1 - a)) for a in alphas}}
    return summarise_sets(scores, Facts(damage=DAMAGE, **facts))


@pytest.fixture(scope='module')
def summary():
    copies = ['blur-1', 'blur-2']  # the far ones are of other images
    return summary_of([0.0, 0.5], same_images=copies)


def score_of(summary, name):
    (row,) = [row for row in summary['sets'] if row['set'] == name]
    return row['per_image']['Dice']


def test_each_set_has_a_dot_and_its_interval(summary):
    (axes,) = scores_figure(summary).axes
    assert [t.get_text() for t in axes.get_yticklabels()] == list(LEVELS)
    bars = [c for c in axes.containers if c.has_xerr]
    assert len(bars) == len(LEVELS)
    for position, (name, bar) in enumerate(zip(LEVELS, bars, strict=True)):
        score = score_of(summary, name)
        assert bar.lines[0].get_xydata() == pytest.approx(
            np.array([[score['mean'], position]])
        )
        (segment,) = bar.lines[2][0].get_segments()
        assert segment[:, 0] == pytest.approx([score['low'], score['high']])
    texts = [text.get_text() for text in axes.texts]
    means = [score_of(summary, name)['mean'] for name in LEVELS]
    assert texts == [f'{mean:.1f}' for mean in means]


def test_a_line_of_severities_begins_with_the_undamaged_images(summary):
    panels = {
        axes.get_title(loc='left'): axes
        for axes in severities_figure(summary).axes
        if axes.get_visible()
    }
    # A single severity makes no line; far ones have no undamaged images here.
    assert list(panels) == ['blur', 'far']
    expected = {
        'blur': {0: 'test', 1: 'blur-1', 2: 'blur-2'},
        'far': {1: 'far-1', 3: 'far-3'},
    }
    for kind, names in expected.items():
        (line,) = [
            each
            for each in panels[kind].lines
            if each.get_color() == PALETTE[0]
        ]
        means = [score_of(summary, name)['mean'] for name in names.values()]
        assert list(line.get_xdata()) == list(names)
        assert list(line.get_ydata()) == pytest.approx(means)
    low, _ = panels['far'].get_ylim()
    assert low < score_of(summary, 'far-3')['low']


def test_a_panel_of_each_set_has_the_scores_by_alpha(summary):
    figure = ensembles_figure(summary)
    panels = {
        axes.get_title(loc='left'): axes
        for axes in figure.axes
        if axes.get_visible()
    }
    assert list(panels) == list(LEVELS)
    for row in summary['ensembles']:
        lines = panels[row['set']].lines
        (line,) = [each for each in lines if len(each.get_xdata()) == 3]
        assert line.get_xydata() == pytest.approx(np.array(row['scores']))
        assert list(line.get_xdata()) == [0.0, 0.5, 1.0]


def test_without_severities_and_alphas_there_is_one_picture(figures, tmp_path):
    plain = summarise_sets({1.0: sets()}, Facts())
    (tmp_path / 'ensembles.png').touch()
    (tmp_path / 'severities.svg').touch()
    assert plot_sets(plain, tmp_path) == [tmp_path / 'unseen.png']
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ['unseen.png', 'unseen.svg']
    assert len(figures) == 2
