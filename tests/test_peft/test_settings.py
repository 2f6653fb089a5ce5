"""What a method refuses, and that it says what to do."""

import subprocess
import sys

import pytest

from gps_seg.peft import (
    E2VPT,
    GPS,
    GRFT,
    METHODS,
    SIFT,
    VPT,
    DyT,
    LoRA,
    NeuroAda,
    PaCA,
    Partial,
    SHiRA,
    build_method,
)

LINES = dict(unit='row', penalty=0.0, last_blocks=0)
WRONG = {
    'nothing': (GPS, {}),
    'two amounts': (GPS, dict(k=1, share=0.5)),
    'an unknown scope': (GPS, dict(k=1, scope='everywhere')),
    'no connection': (GPS, dict(k=0)),
    'a share above 1': (SIFT, dict(share=7)),
    'lines without an amount': (GRFT, LINES),
    'an unknown unit': (GRFT, dict(LINES, k=1, unit='diagonal')),
    'no last block': (Partial, dict(last_blocks=0)),
    'no column': (PaCA, dict(columns=0)),
    'columns by an unknown score': (PaCA, dict(score='norm')),
    'a rank of 0': (SHiRA, dict(rank=0)),
    'no input of a neuron': (NeuroAda, dict(k=0)),
}


@pytest.mark.parametrize('case', WRONG)
def test_settings_that_make_no_rule(case):
    method, settings = WRONG[case]
    with pytest.raises(ValueError, match='expected'):
        method(**settings)


@pytest.mark.parametrize(
    ('method', 'key'),
    [(LoRA, 'stable'), (VPT, 'deep'), (E2VPT, 'shared'), (DyT, 'complete')],
)
@pytest.mark.parametrize('value', ['no', 0, None])
def test_a_flag_is_true_or_false(method, key, value):
    with pytest.raises(TypeError, match=f'{key}: expected True or False'):
        method(**{key: value})


def test_a_factor_is_finite():
    with pytest.raises(ValueError, match='alpha: expected a number above 0'):
        LoRA(alpha=float('inf'))


def test_settings_are_checked_without_assertions_too():
    lines = [
        'from gps_seg.peft import *',
        *(f'{m.__name__}(**{settings!r})' for m, settings in WRONG.values()),
    ]
    first, *rest = lines
    program = first + ''.join(
        f'\ntry: {line}\nexcept ValueError: print("refused")' for line in rest
    )
    done = subprocess.run(
        [sys.executable, '-O', '-c', program],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ['refused'] * len(WRONG)


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (dict(type='gps'), r'of k, share, count, got none\. Add k=1 .*--k 1'),
        (dict(type='grft', **LINES), r'exactly one of k, share, got none'),
        (dict(type='sift'), r'--peft-options method\.share=\.\.\.'),
    ],
)
def test_what_is_missing_is_said_with_the_way_to_give_it(config, message):
    with pytest.raises(ValueError, match=message):
        build_method(config, METHODS)


@pytest.mark.parametrize(
    ('config', 'meant'),
    [
        (dict(type='bitfitt'), 'bitfit'),
        (dict(type='Paca'), 'paca'),
        (dict(type='paca', column=4), 'columns'),
        (dict(type='partial', blocks=2), 'last_blocks'),
    ],
)
def test_a_misspelt_name_is_answered_with_the_one_that_was_meant(
    config, meant
):
    with pytest.raises(ValueError, match=f"Did you mean '{meant}'"):
        build_method(config, METHODS)


def test_a_name_unlike_all_others_gets_no_guess():
    with pytest.raises(ValueError, match=r"got 'xyz'\.$"):
        build_method(dict(type='xyz'), METHODS)
