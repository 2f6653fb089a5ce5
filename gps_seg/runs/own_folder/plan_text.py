# Copyright (c) gps_seg contributors. Apache-2.0.
"""A plan in words: what was chosen, and why."""

from __future__ import annotations

from datetime import timedelta

from gps_seg.runs.own_folder.draft import Draft
from gps_seg.runs.own_folder.expectation import Expectation
from gps_seg.runs.own_folder.machine import Machine
from gps_seg.runs.own_folder.method_rates import Start
from gps_seg.runs.own_folder.plan import Plan

MIB = 2**20


def describe_plan(
    plan: Plan, expected: Expectation, machine: Machine, draft: Draft
) -> str:
    """One line for each decision.

    Args:
        plan: Settings that follow from data and machine.
        expected: Time and memory that were measured.
        machine: Machine of the training.
        draft: Data, encoder and method.
    """
    height, width = plan.size
    training, validation = draft.counts
    rows = {
        'encoder': f'{draft.encoder.name}, input {height} x {width} (height '
        'x width)',
        'method': _method(draft.start),
        'steps': f'{plan.steps:,} of {_images(plan)}, '
        f'{_epochs(plan, training)}',
        'precision': _precision(plan, machine),
        'validation': _validation(plan, validation),
        'expected': _expected(expected, machine),
    }
    lines = [f'  {name:10}  {words}' for name, words in rows.items()]
    return '\n'.join(['Plan', *lines])


def _method(start: Start) -> str:
    settings = ' '.join(
        f'{key}={value}'
        for key, value in start.hook['method'].items()
        if key != 'type'
    )
    words = (
        'tuned on Kvasir-SEG'
        if start.tuned
        else 'not tuned: see tools/compare.py'
    )
    name = f'{start.name} ({settings})' if settings else start.name
    return f"{name}, {start.rate:g} times the head's rate ({words})"


def _images(plan: Plan) -> str:
    if plan.accumulation == 1:
        return f'{plan.batch} images'
    return f'{plan.accumulation} x {plan.batch} images, which fit the memory'


def _epochs(plan: Plan, num_training: int) -> str:
    images = plan.steps * plan.batch * plan.accumulation
    return f'{images / num_training:.1f} passes over the training images'


def _precision(plan: Plan, machine: Machine) -> str:
    if plan.half is None:
        return f'float32 ({machine.name} has no fast 16 bits)'
    return f'{plan.half} ({machine.name})'


def _validation(plan: Plan, number: int) -> str:
    words = f'{number} images, {plan.val_batch} at a time'
    if plan.most_pixels is None:
        return words
    return (
        f'{words}; images above {plan.most_pixels:,} pixels are scored at a '
        'smaller size, which the memory holds'
    )


def _expected(expected: Expectation, machine: Machine) -> str:
    minutes = timedelta(seconds=round(expected.seconds))
    words = f'about {minutes} on {machine.cores} cores'
    if machine.device != 'cpu':
        words = f'about {minutes} on {machine.name}'
    if expected.peak_bytes is None:
        return words
    return f'{words}, {expected.peak_bytes / MIB:,.0f} MiB above the model'
