# Copyright (c) gps_seg contributors. Apache-2.0.
"""The English of the source: docstrings, comments, messages.

Ruff checks that docstrings exist, begin with a capital letter and end their
first line with a period. The rest is checked here.
"""

import re
from pathlib import Path

import docstrings
import pytest

FOLDERS = ('gps_seg', 'tools', 'tests/support')
# First words of what is neither a noun phrase nor a sentence.
FRAGMENT = (
    r'After|Are|As|At|Because|Before|By|For|From|If|In|Into|Not|Of|On|Over'
    r'|Than|That|To|Under|Unless|When|With|Without|Adds|Asks|Becomes|Builds'
    r'|Called|Carries|Changed|Changes|Computes|Decides|Does|Draws|Fills|Gets'
    r'|Gives|Goes|Has|Held|Holds|Is|Keeps|Kept|Leaves|Left|Made|Makes|Must'
    r'|Needs|Puts|Reads|Receives|Returns|Says|Sets|Shows|Stands|Surrounds'
    r'|Taken|Takes|Tells|Turns|Used|Uses|Wraps|Writes|Written'
)
# First words of clauses: good for a summary, vague for an entry.
CLAUSE = r'How|What|Where|Which|Who|Whose|Why|Put|Read|Return|Take'
# Words that make a reader stop, and what we write in their place.
PLAIN_WORDS = {
    r'lest': 'so that ... not',
    r'by chance': 'at random, random selection',
    r'slips? of the pen': 'typo',
    r'by heart': 'memorises, overfits',
    r'mend(s|ed|ing)?': 'fix',
    r'aslant': 'rotated',
    r'told': 'logged, said, given',
    r'tells?': 'says, logs, reports, distinguishes',
    r'vouch(es|ed)?': 'is checked, guarantees',
}


def entry_faults(text: str) -> list[str]:
    return [
        f'{entry.name}: {entry.text}'
        for entry in docstrings.entries(text)
        if re.match(rf'({FRAGMENT}|{CLAUSE})\b', entry.text)
        or not entry.text.endswith('.')
    ]


def summary_faults(text: str) -> list[str]:
    first = text.splitlines()[0]
    is_fragment = re.match(rf'({FRAGMENT})\b', first)
    return [first] if is_fragment or not first.endswith(('.', '?')) else []


def word_faults(source: str) -> list[str]:
    return [
        f'{line}: {match[0]} (better: {better})'
        for line, text in docstrings.words_of(source)
        for word, better in PLAIN_WORDS.items()
        for match in re.finditer(
            rf'\b{word}\b', ' '.join(text.split()), re.IGNORECASE
        )
    ]


def checked_sources(root: Path) -> list[tuple[str, str]]:
    """Return path and text of all files."""
    files = docstrings.source_files(root, FOLDERS)
    return [
        (file.relative_to(root).as_posix(), file.read_text(encoding='utf-8'))
        for file in files
    ]


def faults(root: Path, check) -> list[str]:
    return [
        f'{path}:{docstring.line}: {docstring.name}: {fault}'
        for path, source in checked_sources(root)
        for docstring in docstrings.docstrings(source)
        for fault in check(docstring.text)
    ]


def test_files_are_found(repo_dir):
    """Without files the tests below would pass."""
    homes = {path.split('/')[0] for path, _ in checked_sources(repo_dir)}
    assert homes == {'gps_seg', 'tools', 'tests'}


def test_entries_are_noun_phrases_that_end_in_a_period(repo_dir):
    assert faults(repo_dir, entry_faults) == []


def test_summaries_are_sentences_or_noun_phrases(repo_dir):
    assert faults(repo_dir, summary_faults) == []


def test_words_are_plain(repo_dir):
    assert [
        f'{path}:{fault}'
        for path, source in checked_sources(repo_dir)
        for fault in word_faults(source)
    ] == []


@pytest.mark.parametrize(
    ('entry', 'is_fault'),
    [
        ('runner: Of the training.', True),
        ('runner: Gets the log.', True),
        ('folder: Output folder; created if missing', True),
        ('folder: Output folder; created if missing.', False),
        ('strict: Whether all\n        names must match.', False),
        ('strict: Whether all\n        names must match', True),
        ('**kwargs: As for the base class.', True),
    ],
)
def test_a_bad_entry_is_seen(entry, is_fault):
    text = f'Do it.\n\nArgs:\n    first: Good entry.\n    {entry}\n\nReturns:'
    assert len(docstrings.entries(text)) == 2
    assert bool(entry_faults(text)) == is_fault


def test_a_bad_summary_is_seen():
    assert summary_faults('As the other.') == ['As the other.']
    assert summary_faults('Without an end') == ['Without an end']
    assert summary_faults('Return it.\n\nOf no use.') == []


@pytest.mark.parametrize(
    'source',
    [
        '# lest it stays',
        '"""The log is\n    told."""',
        "f'{x} by chance'",
        "raise ValueError('Mend it.')",
    ],
)
def test_an_unusual_word_is_seen(source):
    assert len(word_faults(source)) == 1


def test_a_name_is_no_unusual_word():
    assert word_faults('told = tells(lest=1)\ns = "recommended"') == []
