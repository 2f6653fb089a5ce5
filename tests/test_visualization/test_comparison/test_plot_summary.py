"""Pictures of a comparison: what is drawn equals what the summary holds."""

import numpy as np
import pytest
from PIL import Image
from synthetic_runs import comparison, run_record, set_scores

from gps_seg.comparison import summarise
from gps_seg.visualization import plot_summary
from gps_seg.visualization.comparison.agreement import agreement_figure
from gps_seg.visualization.comparison.curves import curves_figure
from gps_seg.visualization.comparison.differences import differences_figure
from gps_seg.visualization.comparison.ensembles import ensembles_figure
from gps_seg.visualization.comparison.pareto import pareto_figure
from gps_seg.visualization.comparison.rates import rates_figure
from gps_seg.visualization.comparison.rows import score_ends
from gps_seg.visualization.comparison.unseen import unseen_figure
from gps_seg.visualization.palette import MUTED, PALETTE, PLAIN

LEVELS = {
    'full': (86, 80_000_000),
    'gps': (87, 170_000),
    'bias': (85, 90_000),
    'near': (86.2, 50_000),
    'linear': (40, 2_000),
}
COSTS = {'full': {'step_ratio': 1.0}, 'gps': {'step_ratio': 0.6}}
AGREEMENT = {
    'variants': ['gps', 'full'],
    'dice': [[92.0, 81.0], [81.0, None]],
    'error_overlap': [[60.0, 45.0], [45.0, None]],
    'votes': None,
}
FIGURES = (
    pareto_figure,
    differences_figure,
    unseen_figure,
    rates_figure,
    curves_figure,
    agreement_figure,
    ensembles_figure,
)


def mixtures(runs):
    """Ensembles that are worse than the run by 6 and 3 points."""
    found = {}
    for run in runs:
        found.setdefault(run.variant, {})[run.seed] = {
            alpha: {
                of: set_scores(np.array(each.per_image['Dice']) - loss)
                for of, each in run.scores.items()
            }
            for alpha, loss in ((0.0, 6), (0.5, 3))
        }
    return found


@pytest.fixture(scope='module')
def summary():
    finals, rate_runs = comparison(LEVELS)
    return summarise(
        finals,
        ['full', 'bias'],
        rate_runs=rate_runs,
        costs=COSTS,
        failed={'lora': 'out of memory'},
        agreement=AGREEMENT,
        ensembles=mixtures(finals),
    )


def texts(artists):
    return [artist.get_text() for artist in artists]


def dots(axes, markers='o<>v'):
    """Positions of single points, by marker."""
    return [
        (line.get_marker(), *np.array(line.get_xydata())[0])
        for line in axes.lines
        if line.get_marker() in markers and len(line.get_xdata()) == 1
    ]


def rows_of(summary):
    return {row['variant']: row for row in summary['variants']}


def test_every_picture_is_written_twice(summary, tmp_path, figures):
    paths = plot_summary(summary, tmp_path)
    names = ['pareto', 'differences', 'unseen', 'ensembles']
    names += ['rates', 'curves', 'agreement']
    assert [path.name for path in paths] == [f'{n}.png' for n in names]
    assert {path.name for path in tmp_path.iterdir()} == {
        f'{name}.{ending}' for name in names for ending in ('png', 'svg')
    }
    assert len(figures) == 14


def test_pictures_without_data_are_left_out(tmp_path, figures):
    summary = summarise([run_record('gps', 0, [80, 90], curve=[])], [])
    paths = plot_summary(summary, tmp_path)
    assert [path.name for path in paths] == ['pareto.png']


def test_a_picture_is_opaque_and_not_empty(tmp_path):
    summary = summarise([run_record('gps', 0, [80, 90], curve=[])], [])
    (path,) = plot_summary(summary, tmp_path)
    with Image.open(path) as picture:
        assert picture.mode == 'RGB'
        assert np.asarray(picture).std() > 5


def test_without_a_finished_variant_there_is_nothing_to_draw(tmp_path):
    nothing = {'variants': [{'status': 'failed'}], 'differences': []}
    with pytest.raises(ValueError, match='or differences, got none'):
        plot_summary(nothing, tmp_path)


def test_points_stand_at_cost_and_score_in_panels_with_data(summary):
    trained, step = pareto_figure(summary).axes  # nobody measured the peak
    assert trained.get_xscale() == 'log'
    found = {(x, y) for mark, x, y in dots(trained) if mark == 'o'}
    rows = rows_of(summary)
    assert found == {
        (
            rows[name]['trained'],
            rows[name]['scores']['validation']['per_image']['Dice']['mean'],
        )
        for name in ('full', 'gps', 'bias', 'near')
    }
    assert {x for _, x, _ in dots(step)} == {1.0, 0.6}
    assert step.get_xlabel() == 'step time, ratio'


def test_a_score_far_below_is_a_triangle_with_its_number(summary):
    axes = pareto_figure(summary).axes[0]
    bottom = axes.get_ylim()[0]
    assert [dot for dot in dots(axes) if dot[0] == 'v'] == [
        ('v', 2000, bottom)
    ]
    mean = rows_of(summary)['linear']['scores']['validation']['per_image'][
        'Dice'
    ]['mean']
    assert f'linear: {mean:.1f}' in texts(axes.texts)
    assert 'gps' in texts(axes.texts)


def test_the_front_holds_what_no_variant_beats():
    levels = {'a': (80, 10), 'b': (90, 100), 'c': (70, 50), 'd': (60, 5)}
    runs = [
        run_record(name, 0, [dice], trained=trained)
        for name, (dice, trained) in levels.items()
    ]
    axes = pareto_figure(summarise(runs, [])).axes[0]
    (line,) = [line for line in axes.lines if len(line.get_xdata()) > 1]
    assert line.get_xdata().tolist() == [5, 10, 100]
    assert line.get_drawstyle() == 'steps-post'


def test_differences_are_sorted_and_coloured_by_their_interval(summary):
    colours = set()
    panels = differences_figure(summary).axes
    for axes, reference in zip(panels, ('full', 'bias'), strict=True):
        rows = [
            row
            for row in summary['differences']
            if (row['reference'], row['set'], row['metric'])
            == (reference, 'validation', 'Dice')
        ]
        rows.sort(key=lambda row: -row['mean'])
        assert axes.get_title(loc='left') == f'compared with {reference}'
        assert texts(axes.get_yticklabels()) == [r['variant'] for r in rows]
        lines = [line for line in axes.lines if line.get_linewidth() == 1.8]
        marks = dots(axes)
        for row, mark, line in zip(rows, marks, lines, strict=True):
            assert line.get_xdata().tolist() == [row['low'], row['high']]
            colour = MUTED
            if row['low'] > 0:
                colour = PALETTE[0]
            if row['high'] < 0:
                colour = PALETTE[4]
            assert line.get_color() == colour
            colours.add(colour)
            if row['variant'] != 'linear':
                assert mark[:2] == ('o', row['mean'])
        assert marks[-1][:2] == ('<', axes.get_xlim()[0])
        assert sum('[' in text for text in texts(axes.texts)) == len(rows)
    assert colours == {MUTED, PALETTE[0], PALETTE[4]}


def test_an_interval_over_images_alone_is_marked(figures):
    runs = [run_record('a', 0, [80, 90]), run_record('b', 0, [70, 90])]
    figure = differences_figure(summarise(runs, ['b']))
    (legend,) = figure.legends
    assert texts(legend.get_texts())[-1].startswith('one seed')
    (dot,) = [n for n in figure.axes[0].lines if n.get_marker() == 'o']
    assert dot.get_markerfacecolor() == 'white'


def test_one_panel_per_data_set_has_all_variants(summary):
    axes = unseen_figure(summary).axes
    titles = [panel.get_title(loc='left') for panel in axes]
    assert titles == [
        f'{name} (40 images)' for name in ('validation', 'clinic', 'centre')
    ]
    order = texts(axes[0].get_yticklabels())
    assert sorted(order) == sorted(LEVELS)
    assert order[-1] == 'linear'
    scores = rows_of(summary)[order[0]]['scores']['centre']['per_image']
    assert dots(axes[2])[0] == ('o', scores['Dice']['mean'], 0)


def test_the_chosen_rate_has_a_star_and_an_edge_another_colour(summary):
    figure = rates_figure(summary)
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [p.get_title(loc='left') for p in panels] == list(LEVELS)
    for axes, (name, row) in zip(
        panels, summary['rates'].items(), strict=True
    ):
        (star,) = [n for n in axes.lines if n.get_marker() == '*']
        assert star.get_xdata()[0] == row['best'], name
        expected = PALETTE[4] if row['edge'] else PALETTE[0]
        assert star.get_color() == expected
        (bold,) = [n for n in axes.lines if n.get_linewidth() == 1.8]
        assert np.array(bold.get_xydata()).tolist() == row['scores']
    assert 'edge' in texts(figure.legends[0].get_texts())[1]


def test_curves_show_each_variant_and_all_others_in_grey(summary):
    figure = curves_figure(summary)
    for axes, name in zip(figure.axes, LEVELS, strict=True):
        assert len(axes.lines) == len(LEVELS)
        (bold,) = [n for n in axes.lines if n.get_linewidth() == 1.8]
        curve = rows_of(summary)[name]['curve']
        assert np.array(bold.get_xydata()).tolist() == curve


def test_a_run_with_one_validation_is_a_dot(summary):
    rows = [
        {**row, 'curve': row['curve'][-1:]}
        for row in rows_of(summary).values()
        if 'curve' in row  # one has failed
    ]
    figure = curves_figure({**summary, 'variants': rows})
    markers = {
        line.get_marker() for each in figure.axes for line in each.lines
    }
    assert markers == {'o'}


def test_cells_of_agreement_have_their_numbers(summary):
    figure = agreement_figure(summary)
    left, right = figure.axes[:2]
    assert texts(left.texts) == ['92', '81', '81']
    assert texts(right.texts) == ['60', '45', '45']
    (image,) = left.images
    assert image.get_clim() == (80, 92)


def test_ensembles_are_lines_from_base_to_tuned_scores(summary):
    panels = ensembles_figure(summary).axes
    assert [axes.get_ylabel() for axes in panels] == ['clinic', 'centre']
    rows = {
        (row['variant'], row['set']): row['scores']
        for row in summary['ensembles']['rows']
    }
    for axes in panels:
        of = axes.get_ylabel()
        lines = [n for n in axes.lines if len(n.get_xdata()) > 1]
        large = [n for n in axes.lines if n.get_markersize() == 8]
        for name, line, dot, colour in zip(
            LEVELS, lines, large, PALETTE, strict=False
        ):
            across, up = rows[name, 'validation'], rows[name, of]
            assert np.array(line.get_xydata()).tolist() == [
                [x, y] for (_, x), (_, y) in zip(across, up, strict=True)
            ]
            assert line.get_color() == dot.get_color() == colour
            tuned = dict(map(tuple, across))[1.0], dict(map(tuple, up))[1.0]
            assert tuple(dot.get_xydata()[0]) == tuned
    legend = panels[-1].get_legend()
    assert texts(legend.get_texts()) == list(LEVELS)


def test_more_variants_than_colours_get_a_second_row_of_panels():
    levels = {f'v{k}': (80 + k, k) for k in range(1, 9)}
    finals, _ = comparison(levels, seeds=(0,), unseen=('clinic',), rates=0)
    figure = ensembles_figure(
        summarise(finals, [], ensembles=mixtures(finals))
    )
    for axes, shown in zip(
        figure.axes, ([1, 2, 3, 4, 5, 6], [7, 8]), strict=True
    ):
        legend = texts(axes.get_legend().get_texts())
        assert legend == [f'v{k}' for k in shown]
        lines = [n for n in axes.lines if len(n.get_xdata()) > 1]
        assert [line.get_color() == PLAIN for line in lines] == [
            k not in shown for k in range(1, 9)
        ]


def test_without_unseen_images_no_ensembles_are_drawn():
    finals, _ = comparison({'a': (80, 1)}, unseen=(), rates=0)
    summary = summarise(finals, [], ensembles=mixtures(finals))
    assert ensembles_figure(summary) is None


def test_twenty_variants_fit():
    levels = {
        f'gps k={k} score=magnitude': (80 + k / 9, k) for k in range(1, 21)
    }
    finals, rate_runs = comparison(levels, seeds=(0,), unseen=('clinic',))
    names = list(levels)
    agreement = {
        'variants': names,
        'dice': np.full((20, 20), 90.0).tolist(),
        'error_overlap': np.full((20, 20), 40.0).tolist(),
        'votes': None,
    }
    summary = summarise(
        finals,
        names[:1],
        rate_runs=rate_runs,
        agreement=agreement,
        ensembles=mixtures(finals),
    )
    for draw in FIGURES:
        width, height = draw(summary).get_size_inches()
        assert max(width, height) < 24
    assert len(texts(agreement_figure(summary).axes[0].texts)) == 400


@pytest.mark.parametrize(
    ('scores', 'shown'),
    [
        ([80, 81, 82, 83], [80, 81, 82, 83]),
        ([10, 81, 82, 83, 84], [81, 82, 83, 84]),
        ([50, 60, 70, 80, 90], [50, 60, 70, 80, 90]),
        ([80], [80]),
    ],
)
def test_only_scores_far_below_the_better_half_are_left_out(scores, shown):
    low, high = score_ends(scores, [1.0] * len(scores))
    assert [score for score in scores if score - 1 >= low] == shown
    assert high > max(scores) + 1
    assert high - low >= 4
