# Copyright (c) gps_seg contributors. Apache-2.0.
"""Rules that choose size, batch, steps and precision."""

import math

import pytest

from gps_seg.runs.own_folder.machine import Machine
from gps_seg.runs.own_folder.plan import (
    BATCH,
    COPIES,
    ON_CPU,
    ON_GPU,
    SHARE,
    input_size,
    make_plan,
    validation,
)

GIB = 2**30
LAPTOP = Machine('cpu', 'a processor', 4, 8 * GIB, None)
GPU = Machine('cuda', 'a GPU', 8, 16 * GIB, 'float16')


def plan(number=300, sizes=((256, 256),), machine=LAPTOP, **options):
    return make_plan(sizes, 2, number, 14, machine, **options)


@pytest.mark.parametrize('shape', [(256, 256), (720, 960), (1080, 600)])
@pytest.mark.parametrize('patch', [14, 16, 32])
@pytest.mark.parametrize('side', [252, 336, 504])
def test_the_input_has_the_shape_of_the_images_and_whole_patches(
    shape, patch, side
):
    height, width = input_size([shape], patch, side)
    assert height % patch == width % patch == 0
    scale = min(4 / 3, side / math.sqrt(shape[0] * shape[1]))
    assert abs(height - scale * shape[0]) < patch
    assert abs(width - scale * shape[1]) < patch


@pytest.mark.parametrize(
    ('side', 'size'), [(98, 126), (105, 140), (252, 336), (300, 336)]
)
def test_small_images_are_enlarged_by_a_third_at_most(side, size):
    assert input_size([(side, side)], 14, 336) == (size, size)


def test_an_image_below_one_patch_still_has_one():
    assert input_size([(5, 5)], 14, 336) == (14, 14)


def test_one_large_image_among_small_ones_does_not_set_the_size():
    sizes = [(128, 128)] * 4 + [(4000, 4000)]
    assert input_size(sizes, 16, 336) == (176, 176)


def test_steps_pass_over_the_data_within_the_limits_of_the_device():
    assert plan(10).steps == ON_CPU.fewest
    assert plan(1600).steps == math.ceil(5 * 1600 / BATCH)
    assert plan(100_000).steps == ON_CPU.most
    assert plan(10, machine=GPU).steps == ON_GPU.fewest


def test_a_batch_is_not_larger_than_the_training_set():
    assert plan(3).batch == 3
    assert plan(300).batch == BATCH


def test_half_the_batch_accumulates_to_the_same_step():
    whole = plan()
    halved = whole.with_smaller_batch()
    assert halved.batch * halved.accumulation == whole.batch
    assert halved.iterations == 2 * whole.iterations
    assert halved.steps == whole.steps


def test_a_single_image_cannot_be_halved():
    with pytest.raises(ValueError, match='memory: expected room for one'):
        plan(1).with_smaller_batch()


def test_the_precision_is_what_the_device_is_fast_in():
    assert plan().half is None
    assert plan(machine=GPU).half == 'float16'


def test_a_choice_of_size_and_steps_wins():
    chosen = plan(size=(140, 154)).with_steps(7)
    assert (chosen.size, chosen.steps) == ((140, 154), 7)


def test_no_steps_are_refused():
    with pytest.raises(ValueError, match='steps: expected 1 or more, got 0'):
        plan().with_steps(0)


def bytes_of(pixels, classes):
    return COPIES * 4 * classes * pixels


def test_the_validation_batch_fits_the_memory():
    sizes, classes = [(500, 400), (3000, 2000)], 19
    batch, most = validation(sizes, classes, 16 * GIB)
    needed = bytes_of(3000 * 2000, classes)
    assert most is None
    assert batch * needed <= SHARE * 16 * GIB < (batch + 1) * needed


def test_an_image_that_the_memory_cannot_hold_is_scored_smaller():
    batch, most = validation([(20_000, 20_000)], 150, 16 * GIB)
    assert batch == 1
    assert most < 20_000**2
    assert bytes_of(most, 150) <= SHARE * 16 * GIB
    assert bytes_of(most + 1, 150) > SHARE * 16 * GIB


def test_without_knowledge_of_the_memory_images_come_one_at_a_time():
    assert validation([(256, 256)], 2, None) == (1, None)
