"""Agreement of label maps, from pixel-by-pixel definitions."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from synthetic_runs import run_record

from gps_seg.comparison import measure_agreement, summarise, write_markdown
from gps_seg.comparison.label_maps import (
    IGNORED,
    pairwise_dice,
    pairwise_iou,
    read_stack,
    vote,
)

VARIANTS, SEEDS, IMAGES = ('gps', 'full', 'bias'), (0, 1, 2), ('a', 'b')


def dice_of(one, other, num_classes, foreground=None):
    """Mean over the foreground classes that occur, in percent."""
    scores = [
        2
        * np.sum((one == c) & (other == c))
        / np.sum((one == c) + 0 + (other == c))
        for c in foreground or range(1, num_classes)
        if np.any(one == c) or np.any(other == c)
    ]
    return 100 * np.mean(scores) if scores else 100.0


def random_maps(generator, shape, num_classes=3):
    return generator.integers(0, num_classes, shape).astype(np.uint8)


@pytest.fixture
def written(tmp_path):
    """Truth by image, predictions by run and image, and their folders."""
    generator = np.random.default_rng(0)
    truth = {name: random_maps(generator, (6, 7)) for name in IMAGES}
    truth['a'][0] = IGNORED
    maps, folders = {}, {}
    for variant, seed in itertools.product(VARIANTS, SEEDS):
        folder = tmp_path / variant / str(seed)
        folder.mkdir(parents=True)
        folders.setdefault(variant, {})[seed] = folder
        for name in IMAGES:
            wrong = generator.random((6, 7)) < 0.3
            labels = np.where(
                wrong, random_maps(generator, (6, 7)), truth[name] % 3
            ).astype(np.uint8)
            maps[variant, seed, name] = labels
            Image.fromarray(labels).save(folder / f'{name}.png')
    return truth, maps, folders


def measured(written, foreground=None):
    truth, _, folders = written
    return measure_agreement(
        folders, truth.__getitem__, IMAGES, foreground=foreground
    )


def counted(written, run, name):
    truth, maps, _ = written
    keep = truth[name] != IGNORED
    return maps[*run, name][keep], truth[name][keep]


def test_dice_of_all_pairs_equals_the_definition():
    maps = random_maps(np.random.default_rng(1), (5, 40), 4)
    maps[3] = 0
    maps[4] = maps[3]
    maps[0][maps[0] == 2] = 0  # class 2 occurs in only one of some pairs
    found = pairwise_dice(maps)
    for i, j in itertools.product(range(5), repeat=2):
        assert found[i, j] == pytest.approx(dice_of(maps[i], maps[j], 4))
    assert (found[3, 4], found[3, 0]) == (100, 0)
    assert pairwise_dice(maps[3:]).tolist() == [[100, 100], [100, 100]]


def test_dice_is_that_of_the_classes_that_count():
    maps = random_maps(np.random.default_rng(1), (3, 40), 4)
    maps[2] = 1
    found = pairwise_dice(maps, foreground=[0, 2])
    for i, j in itertools.product(range(3), repeat=2):
        assert found[i, j] == pytest.approx(
            dice_of(maps[i], maps[j], 4, [0, 2])
        )


def test_iou_of_empty_masks_is_undefined():
    masks = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]], bool)
    found = pairwise_iou(masks)
    assert found[0, 1] == pytest.approx(100 / 3)
    assert found[0, 2] == 0
    assert np.isnan(found[2, 2])


def test_overlaps_do_not_depend_on_the_chunks(monkeypatch):
    masks = np.random.default_rng(1).random((4, 50)) < 0.5
    whole = pairwise_iou(masks)
    monkeypatch.setattr('gps_seg.comparison.label_maps._CHUNK', 7)
    np.testing.assert_array_equal(pairwise_iou(masks), whole)


def test_most_votes_win_and_a_tie_goes_to_the_lower_label():
    maps = np.array([[2, 1, 0, 2], [2, 0, 2, 1], [1, 0, 2, 1], [0, 1, 0, 2]])
    assert vote(maps).tolist() == [2, 0, 0, 1]


@pytest.mark.parametrize('foreground', [None, [0, 2]])
def test_cells_are_means_over_common_seeds_and_images(written, foreground):
    found = measured(written, foreground)
    expected = np.mean(
        [
            dice_of(
                counted(written, ('gps', seed), name)[0],
                counted(written, ('bias', seed), name)[0],
                3,
                foreground,
            )
            for seed in SEEDS
            for name in IMAGES
        ]
    )
    assert found['variants'] == list(VARIANTS)
    assert found['dice'][0][2] == pytest.approx(expected)
    assert found['dice'][2][0] == found['dice'][0][2]


def test_the_diagonal_compares_seeds_of_one_variant(written):
    expected = np.mean(
        [
            dice_of(
                counted(written, ('full', one), name)[0],
                counted(written, ('full', other), name)[0],
                3,
            )
            for one, other in itertools.combinations(SEEDS, 2)
            for name in IMAGES
        ]
    )
    assert measured(written)['dice'][1][1] == pytest.approx(expected)


def test_errors_overlap_on_wrong_pixels_that_count(written):
    values = []
    for seed, name in itertools.product(SEEDS, IMAGES):
        one, truth = counted(written, ('gps', seed), name)
        other, _ = counted(written, ('full', seed), name)
        both = (one != truth) & (other != truth)
        either = (one != truth) | (other != truth)
        values.append(100 * both.sum() / either.sum())
    found = measured(written)['error_overlap'][0][1]
    assert found == pytest.approx(np.mean(values))


def vote_dice(written, runs, foreground=None):
    """Mean Dice of a vote over the images, counted label by label."""
    scores = []
    for name in IMAGES:
        maps = [counted(written, run, name)[0] for run in runs]
        counts = [np.sum([m == c for m in maps], axis=0) for c in range(3)]
        truth = counted(written, runs[0], name)[1]
        winner = np.argmax(counts, axis=0)
        scores.append(dice_of(winner, truth, 3, foreground))
    return np.mean(scores)


@pytest.mark.parametrize('foreground', [None, [0, 2]])
def test_votes_have_equally_many_members_and_are_scored_per_image(
    written, foreground
):
    votes = measured(written, foreground)['votes']

    def mean_dice(runs):
        return vote_dice(written, runs, foreground)

    singles = {
        (v, s): mean_dice([(v, s)])
        for v, s in itertools.product(VARIANTS, SEEDS)
    }
    means = {v: np.mean([singles[v, s] for s in SEEDS]) for v in VARIANTS}
    best = max(means, key=means.get)
    assert votes['members'] == 3
    assert votes['best_run']['dice'] == pytest.approx(max(singles.values()))
    assert votes['best_variant']['variant'] == best
    assert votes['best_variant']['dice'] == pytest.approx(means[best])
    expected = mean_dice([(best, seed) for seed in SEEDS])
    assert votes['seeds']['dice'] == pytest.approx(expected)
    expected = np.mean([mean_dice([(v, s) for v in VARIANTS]) for s in SEEDS])
    assert votes['variants']['dice'] == pytest.approx(expected)
    assert votes['all']['dice'] == pytest.approx(expected)


def test_the_best_variants_vote(written):
    truth, _, folders = written
    # A copy of the truth is best, a map of zeros is worst.
    for name in IMAGES:
        labels = np.where(truth[name] == IGNORED, 0, truth[name])
        for seed, folder in folders['full'].items():
            Image.fromarray(labels.astype(np.uint8)).save(
                folder / f'{name}.png'
            )
            zeros = np.zeros_like(truth[name])
            worst = folder.parents[1] / 'zero' / str(seed)
            worst.mkdir(parents=True, exist_ok=True)
            Image.fromarray(zeros).save(worst / f'{name}.png')
            folders.setdefault('zero', {})[seed] = worst
    votes = measured(written)['votes']
    assert votes['best_run']['dice'] == 100
    assert votes['seeds']['dice'] == 100
    assert votes['variants']['variants'][0] == 'full'
    assert 'zero' not in votes['variants']['variants']
    assert 'zero' in votes['all']['variants']


def of_seeds(written, *seeds):
    truth, _, folders = written
    fewer = {name: {s: by[s] for s in seeds} for name, by in folders.items()}
    return measure_agreement(fewer, truth.__getitem__, IMAGES)


@pytest.mark.parametrize('groups', [None, {'a': 'video', 'b': 'video'}])
def test_what_a_vote_gains_has_its_interval(written, groups):
    truth, _, folders = written
    found = measure_agreement(folders, truth.__getitem__, IMAGES, groups)
    votes = found['votes']
    best, gain = votes['best_variant'], votes['all']['gain']
    assert gain['mean'] == pytest.approx(votes['all']['dice'] - best['dice'])
    assert (gain['num_seeds'], gain['num_groups']) == (3, 1 if groups else 2)
    cells = np.array(
        [
            [
                dice_of(np.argmax(counts, axis=0), true, 3)
                - dice_of(single, true, 3)
                for single, true, counts in _ballots(written, best, seed)
            ]
            for seed in SEEDS
        ]
    )
    # All draws, of which each is as likely, in place of some.
    seeds = list(itertools.product(range(3), repeat=3))
    images = [[0, 1]] if groups else [[0, 0], [0, 1], [1, 0], [1, 1]]
    means = [cells[np.ix_(s, i)].mean() for s in seeds for i in images]
    low, high = np.percentile(means, [2.5, 97.5])
    assert (gain['low'], gain['high']) == pytest.approx((low, high), abs=1.0)


def _ballots(written, best, seed):
    for name in IMAGES:
        single, true = counted(written, (best['variant'], seed), name)
        maps = [counted(written, (v, seed), name)[0] for v in VARIANTS]
        yield (
            single,
            true,
            [np.sum([m == c for m in maps], 0) for c in (0, 1, 2)],
        )


@pytest.mark.parametrize('seeds', [(0,), (0, 2)])
def test_variants_vote_from_one_seed_on_but_seeds_do_not(
    written, tmp_path, seeds
):
    found = of_seeds(written, *seeds)
    votes = found['votes']
    expected = np.mean(
        [vote_dice(written, [(v, s) for v in VARIANTS]) for s in seeds]
    )
    assert votes['members'] == 3
    assert votes['variants']['dice'] == pytest.approx(expected)
    assert votes['all']['dice'] == pytest.approx(expected)
    assert votes['seeds'] is None
    summary = summarise([run_record('gps', 0, [80])], [], agreement=found)
    text = write_markdown(summary, Path(tmp_path)).read_text()
    assert f'vote of all 3 variants | {expected:.2f} |' in text
    best, gain = votes['best_variant']['variant'], votes['all']['gain']['mean']
    assert f'| gain over {best} |' in text
    assert f'{expected:.2f} | {gain:+.2f} [' in text
    assert '| vote of 3 seeds' not in text
    assert '| vote of 3 variants' in text


def test_two_variants_have_no_majority(written):
    truth, _, folders = written
    two = {name: folders[name] for name in ('gps', 'full')}
    found = measure_agreement(two, truth.__getitem__, IMAGES)
    assert found['votes'] is None


def test_without_a_common_seed_nothing_is_voted(written):
    truth, _, folders = written
    apart = {
        v: {s: folders[v][s]} for v, s in zip(VARIANTS, SEEDS, strict=True)
    }
    found = measure_agreement(apart, truth.__getitem__, IMAGES)
    assert found['votes'] is None


def test_runs_that_never_err_have_no_overlap_of_errors(tmp_path):
    labels = np.eye(4, dtype=np.uint8)
    Image.fromarray(labels).save(tmp_path / 'a.png')
    folders = {'gps': {0: tmp_path}, 'full': {0: tmp_path}}
    found = measure_agreement(folders, {'a': labels}.__getitem__, ['a'])
    assert found['error_overlap'] == [[None, None], [None, None]]
    assert found['dice'] == [[None, 100.0], [100.0, None]]


def test_images_without_errors_do_not_count_for_their_overlap(tmp_path):
    truth = {'a': np.eye(4, dtype=np.uint8), 'b': np.eye(4, dtype=np.uint8)}
    folders = {'gps': {0: tmp_path / 'gps'}, 'full': {0: tmp_path / 'full'}}
    for number, by_seed in enumerate(folders.values(), start=1):
        by_seed[0].mkdir()
        wrong = truth['b'].copy()
        wrong[0, 1 : 2 + number] = 1  # two or three wrong pixels
        Image.fromarray(truth['a']).save(by_seed[0] / 'a.png')
        Image.fromarray(wrong).save(by_seed[0] / 'b.png')
    found = measure_agreement(folders, truth.__getitem__, ['a', 'b'])
    assert found['error_overlap'][0][1] == pytest.approx(200 / 3)


def test_a_map_of_another_shape_is_refused(tmp_path):
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / 'a.png')
    with pytest.raises(ValueError, match=r'truth, \(5, 4\), got \(4, 4\)'):
        read_stack([tmp_path], 'a', np.zeros((5, 4), np.uint8))


def test_a_missing_map_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'b\.png'):
        read_stack([tmp_path], 'b', np.zeros((4, 4), np.uint8))


def test_without_runs_there_is_nothing_to_measure():
    with pytest.raises(ValueError, match='0 runs and 1 images'):
        measure_agreement({'gps': {}}, {}.__getitem__, ['a'])


def test_the_tables_show_agreement_and_votes(written, tmp_path):
    found = measured(written)
    runs = [run_record('gps', 0, [80])]
    summary = summarise(runs, [], agreement=found)
    text = write_markdown(summary, Path(tmp_path)).read_text()
    assert f'| {found["dice"][0][2]:.1f} |' in text
    assert f'| {found["error_overlap"][1][1]:.1f} |' in text
    assert f'{found["votes"]["all"]["dice"]:.2f} |' in text


def test_images_of_several_folders_have_their_maps_in_one(tmp_path):
    labels = np.eye(4, dtype=np.uint8)
    Image.fromarray(labels).save(tmp_path / 'ward_1_a.jpg.png')
    maps, truth = read_stack([tmp_path], 'ward_1/a.jpg', labels)
    assert np.array_equal(maps, [labels.ravel()])
    assert np.array_equal(truth, labels.ravel())
