# Copyright (c) gps_seg contributors. Apache-2.0.
"""The generator: repeatable, masks true to the shapes, folders complete."""

import dataclasses

import cv2
import numpy as np
import pytest

from gps_seg.datasets.synthetic_polyps import (
    DOMAINS,
    ensure_dataset,
    image_rng,
    render_polyp_image,
    surface,
    write_dataset,
)
from gps_seg.datasets.synthetic_polyps import writer as writer_module
from gps_seg.datasets.synthetic_polyps.noise import smooth_noise, veins
from gps_seg.datasets.synthetic_polyps.polyps import KINDS
from gps_seg.datasets.synthetic_polyps.scene import (
    Scene,
    draw_scene,
    polyp_mask,
)
from gps_seg.datasets.synthetic_polyps.shapes import (
    OUTLINE_HARMONICS,
    Bump,
    Grid,
    Stalk,
    polyp_height,
)

SIZE = 64
SPLIT_SIZES = {'train': 3, 'val': 2}


def render(domain='source', index=0, *, seed=0, size=SIZE):
    return render_polyp_image(image_rng(seed, domain, index), domain, size)


def write(folder, **changes):
    arguments = dict(domain='source', split_sizes=SPLIT_SIZES, size=32, seed=0)
    write_dataset(folder, **(arguments | changes))


@pytest.mark.parametrize('domain', sorted(DOMAINS))
def test_image_and_mask_are_arrays_of_the_promised_kind(domain):
    image, mask = render(domain)
    assert (image.shape, image.dtype) == ((SIZE, SIZE, 3), np.uint8)
    assert (mask.shape, mask.dtype) == ((SIZE, SIZE), np.uint8)
    assert set(np.unique(mask)) == {0, 1}


@pytest.mark.parametrize('domain', sorted(DOMAINS))
def test_every_image_has_a_polyp_and_mucosa(domain):
    shares = [render(domain, i)[1].mean() for i in range(40)]
    assert min(shares) > 0.002
    assert max(shares) < 0.5


def test_same_seed_gives_the_same_bytes_in_any_order():
    first = [render(index=i) for i in (0, 1, 2)]
    again = [render(index=i) for i in (2, 1, 0)][::-1]
    for (image, mask), (other_image, other_mask) in zip(
        first, again, strict=True
    ):
        np.testing.assert_array_equal(image, other_image)
        np.testing.assert_array_equal(mask, other_mask)


@pytest.mark.parametrize(
    'change',
    [
        dict(seed=1),
        dict(index=1),
        dict(domain='target'),
        dict(domain='dye'),
    ],
)
def test_seed_index_and_domain_each_change_the_scene(change):
    assert (render()[1] != render(**change)[1]).any()


def points_of(grid):
    return np.stack([grid.x.ravel(), grid.y.ravel()], axis=1).astype(float)


def test_grid_holds_the_pixel_centres():
    grid = Grid.square(4)
    np.testing.assert_allclose(grid.x[2], [-0.75, -0.25, 0.25, 0.75])
    np.testing.assert_allclose(grid.y[:, 1], [-0.75, -0.25, 0.25, 0.75])
    assert grid.pitch == 0.5


def test_bump_is_positive_inside_its_outline_only():
    """Against a polygon of the outline in polar form, filled by OpenCV."""
    waves = ((0.1, 0.3), (0.05, 2.0), (0.04, 4.0), (0.03, 1.0))
    centre, radii, angle = (0.1, -0.2), (0.5, 0.3), 0.7
    bump = Bump(
        centre=centre, radii=radii, angle=angle, peak=1.0, steepness=0.5,
        waves=tuple(a * np.exp(1j * phase) for a, phase in waves),
    )  # fmt: skip
    theta = np.linspace(0, 2 * np.pi, 4000)
    rho = 1 + sum(
        a * np.cos(k * theta + phase)
        for k, (a, phase) in zip(OUTLINE_HARMONICS, waves, strict=True)
    )
    u, v = radii[0] * rho * np.cos(theta), radii[1] * rho * np.sin(theta)
    x = centre[0] + u * np.cos(angle) - v * np.sin(angle)
    y = centre[1] + u * np.sin(angle) + v * np.cos(angle)
    polygon = np.stack([x, y], axis=1).astype(np.float32)
    grid = Grid.square(101)
    inside = [
        cv2.pointPolygonTest(polygon, (float(px), float(py)), True)
        for px, py in points_of(grid)
    ]
    inside = np.reshape(inside, grid.x.shape)
    height = bump.height(grid)
    decided = np.abs(inside) > 1e-3  # the polygon is not smooth
    np.testing.assert_array_equal((height > 0)[decided], inside[decided] > 0)
    assert decided.mean() > 0.99
    assert height.max() == pytest.approx(1.0, abs=0.02)


def test_stalk_is_positive_near_its_axis_only():
    """Against the distance to many points along the axis."""
    start, end, radius = (-0.4, 0.1), (0.5, -0.3), 0.15
    grid = Grid.square(80)
    axis = np.linspace(start, end, 2000)
    gaps = [np.hypot(*(axis - point).T).min() for point in points_of(grid)]
    gaps = np.reshape(gaps, grid.x.shape)
    height = Stalk(start, end, radius).height(grid)
    np.testing.assert_allclose(
        height, np.sqrt(np.maximum(radius**2 - gaps**2, 0)), atol=4e-3
    )
    decided = np.abs(gaps - radius) > 1e-4
    np.testing.assert_array_equal(
        (height > 0)[decided], (gaps < radius)[decided]
    )


@pytest.mark.parametrize('index', range(8))
def test_mask_is_where_a_polyp_of_the_scene_is_and_is_visible(index):
    _, mask = render(index=index)
    scene = draw_scene(image_rng(0, 'source', index))
    grid = Grid.square(SIZE)
    expected = np.zeros((SIZE, SIZE), bool)
    for parts in scene.polyps:
        for part in parts:
            expected |= part.height(grid) > 0
    expected &= np.abs(grid.x) + np.abs(grid.y) < scene.corner
    np.testing.assert_array_equal(mask, expected)


def test_mask_ends_where_the_black_corner_begins():
    stalk = Stalk((0.0, 0.0), (0.95, 0.95), 0.2)
    scene = Scene(polyps=[(stalk,)], lumen=(0, 0), light=(0, 0, 1), corner=1.5)
    grid = Grid.square(SIZE)
    mask = polyp_mask(scene, grid)
    on_diagonal = np.diagonal(mask)
    x = np.diagonal(grid.x)
    round_end = -0.2 / np.sqrt(2)
    expected = (x > round_end) & (x < 0.75)
    np.testing.assert_array_equal(on_diagonal == 1, expected)


def test_mask_does_not_depend_on_the_resolution():
    _, coarse = render(size=40)
    _, fine = render(size=200)
    # The centre of a coarse pixel is the centre of the third of five.
    np.testing.assert_array_equal(coarse, fine[2::5, 2::5])


def test_polyp_is_painted_where_the_mask_is(monkeypatch):
    """In a world of red mucosa and blue polyps, all that is blue is polyp."""
    red, blue = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
    plain = dataclasses.replace(
        DOMAINS['source'], mucosa=red, residue=red, vessel=red, polyp=blue,
        gloss=0, texture=0, blur=0, noise=0,
    )  # fmt: skip
    monkeypatch.setitem(DOMAINS, 'plain', plain)
    # Without its hills no mucosa is inflamed, that is, of a polyp's colour.
    monkeypatch.setattr(
        surface,
        'smooth_noise',
        lambda rng, size, cells: -np.ones((size, size)),
    )
    for index in range(12):
        image, mask = render('plain', index)
        share = image[..., 2] / np.maximum(image.sum(axis=2), 1.0)
        painted = share > 0.5 * np.median(share[mask == 1])
        kernel = np.ones((3, 3), np.uint8)
        surely = cv2.erode(mask, kernel) == 1
        surely_not = cv2.dilate(mask, kernel) == 0
        assert painted[surely].mean() > 0.98  # the lumen may be black
        assert not painted[surely_not].any()


def test_every_kind_of_polyp_can_be_drawn():
    grid = Grid.square(SIZE)
    rng = np.random.default_rng(0)
    for kind in KINDS:
        parts = kind(rng, (0.0, 0.0), 0.4)
        assert polyp_height(parts, grid)[SIZE // 2, SIZE // 2] > 0


def test_some_images_have_two_polyps():
    numbers = [
        len(draw_scene(image_rng(0, 'source', i)).polyps) for i in range(40)
    ]
    assert set(numbers) == {1, 2}


def mean_colour(domain):
    """Shares of red, green and blue in the light of a few images."""
    images = [render(domain, i)[0] for i in range(6)]
    means = np.mean(images, axis=(0, 1, 2))
    return means / means.sum()


def test_domains_differ_in_colour():
    strongest = {d: 'rgb'[mean_colour(d).argmax()] for d in DOMAINS}
    assert strongest == {'source': 'r', 'target': 'g', 'dye': 'b'}


def test_no_two_domains_share_their_scenes():
    streams = [domain.stream for domain in DOMAINS.values()]
    assert len(set(streams)) == len(streams)


@pytest.mark.parametrize(
    ('domain', 'row', 'area'),
    [
        ('source', [142, 92, 82, 142, 85, 62, 225, 134, 116, 193, 122, 107],
         642),
        ('target', [41, 46, 41, 90, 78, 73, 129, 137, 112, 107, 151, 129],
         641),
    ],
)  # fmt: skip
def test_images_of_the_recorded_scores_are_the_same(domain, row, area):
    """The demo's checkpoint and scores are of these images."""
    image, mask = render(domain, 0, size=112)
    assert mask.sum() == area
    # Another build of OpenCV may round a grey level differently.
    np.testing.assert_allclose(image[56, ::28].ravel(), row, atol=1)


def test_noise_is_standardised_and_keeps_its_look_when_enlarged():
    coarse = smooth_noise(np.random.default_rng(0), 60, 12)
    fine = smooth_noise(np.random.default_rng(0), 180, 12)
    assert abs(coarse.mean()) < 0.3
    assert 0.7 < coarse.std() < 1.3
    np.testing.assert_allclose(fine[1::3, 1::3], coarse, atol=0.15)


def test_veins_are_thin_lines():
    field = veins(np.random.default_rng(0), 200, 4, 0.01)
    assert field.max() > 0.9
    assert 0.01 < (field > 0.5).mean() < 0.25


def test_unknown_domain_is_refused():
    with pytest.raises(ValueError, match=r"domain: expected one of .*'mars'"):
        render('mars')


def test_too_small_an_image_is_refused():
    with pytest.raises(ValueError, match='size: expected at least 32 pixels'):
        render(size=8)


def test_written_folder_holds_pairs_and_disjoint_splits(tmp_path):
    folder = tmp_path / 'deep' / 'data'
    write(folder)
    splits = {
        name: (folder / 'splits' / f'{name}.txt').read_text().split()
        for name in SPLIT_SIZES
    }
    assert {k: len(v) for k, v in splits.items()} == SPLIT_SIZES
    names = splits['train'] + splits['val']
    assert len(set(names)) == 5
    for index, name in enumerate(names):
        image, mask = render(index=index, size=32)
        stored = cv2.imread(str(folder / 'images' / f'{name}.jpg'))
        # JPEG is lossy, and the noise of the images is hard on it.
        assert np.abs(stored[..., ::-1].astype(int) - image).mean() < 6
        stored = cv2.imread(str(folder / 'masks' / f'{name}.png'), -1)
        np.testing.assert_array_equal(stored, mask)
    assert sorted(p.name for p in folder.parent.iterdir()) == ['data']


def test_writer_refuses_a_folder_in_use(tmp_path):
    (tmp_path / 'thesis.txt').write_text('precious')
    with pytest.raises(FileExistsError, match='folder with files in it'):
        write(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ['thesis.txt']


def test_writer_takes_an_empty_folder(tmp_path):
    folder = tmp_path / 'data'
    folder.mkdir()
    write(folder)
    assert (folder / 'splits' / 'train.txt').is_file()


def test_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(path, pixels, options):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(writer_module, '_write', full)
    with pytest.raises(OSError, match='the disk is full'):
        write(tmp_path / 'data')
    assert list(tmp_path.iterdir()) == []


def test_empty_split_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"at least 1 image, got 0 .*'val'"):
        write(tmp_path / 'data', split_sizes={'train': 1, 'val': 0})
    assert list(tmp_path.iterdir()) == []


def test_ensure_writes_once_and_refuses_another_recipe(tmp_path):
    folder = tmp_path / 'data'
    arguments = dict(
        domain='target', split_sizes={'train': 1}, size=32, seed=0
    )
    ensure_dataset(folder, **arguments)
    (folder / 'images' / 'target_00000.jpg').write_text('touched')
    ensure_dataset(folder, **arguments)
    kept = (folder / 'images' / 'target_00000.jpg').read_text()
    assert kept == 'touched'
    with pytest.raises(FileExistsError):
        ensure_dataset(folder, **(arguments | dict(seed=1)))
