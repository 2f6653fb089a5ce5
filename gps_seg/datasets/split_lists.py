# Copyright (c) gps_seg contributors. Apache-2.0.
"""The split of each image: lists that are kept in the repository.

Published results on Kvasir-SEG use different splits, and some of these
overlap. So the lists are data under version control. Conversions copy them
and never draw a split.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Self

import gps_seg
from gps_seg.datasets.image_groups import (
    group_problems,
    read_groups,
    write_groups,
)

_OF_TRAIN = ('confirm_train', 'confirm_val', 'tune_train', 'tune_val')
#: Lists that share no image, each pair in the order of the alphabet.
DISJOINT_PAIRS = (('train', 'val'), *combinations(_OF_TRAIN, 2))
TUNING_SALT = 'gps_seg tuning split 1'


@dataclass(frozen=True)
class SplitLists:
    """Ids of each split, in file order.

    ``train`` and ``val`` divide the data set, or ``all`` lists all of it, or
    both. Any further list serves to choose hyper-parameters or to confirm a
    choice, and holds training ids only.

    Args:
        ids: Name of a split -> its ids.
        groups: Group of each image that must not be divided, such as the
            video of a frame; empty if every image stands alone.

    Example:
        >>> lists = SplitLists({'train': ('a', 'b'), 'val': ('b',)})
        >>> lists.problems()
        ['b: expected in one split, is in both train and val']
    """

    ids: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """Read every ``<split>.txt`` of ``folder``, one id per line.

        A ``sequences.csv`` with the header ``image,group`` has the groups.

        Raises:
            FileNotFoundError: If ``folder`` lacks train.txt or val.txt.
            ValueError: If its sequences.csv is no such table.
        """
        folder = Path(folder)
        for name in ('train', 'val'):
            if not (folder / f'{name}.txt').is_file():
                raise FileNotFoundError(
                    'split lists: expected train.txt and val.txt, found no '
                    f'{name}.txt in {folder}. Write one id per line, or '
                    'restore the lists from the repository.'
                )
        return cls(
            {
                path.stem: tuple(_ids(path.read_text('utf-8')))
                for path in sorted(folder.glob('*.txt'))
            },
            read_groups(folder),
        )

    @classmethod
    def one_of(cls, ids: Iterable[str]) -> Self:
        """All ids in one list."""
        return cls({'all': tuple(ids)})

    @classmethod
    def of_record(cls, dataset: str = 'kvasir-seg') -> Self:
        """The lists that come with gps_seg.

        Raises:
            FileNotFoundError: If this copy of gps_seg has no such lists.
        """
        package = Path(gps_seg.__file__).parent
        homes = (package.parent / 'data', package / '.mim' / 'data')
        for home in homes:
            folder = home / 'splits' / dataset
            if folder.is_dir():
                return cls.read(folder)
        raise FileNotFoundError(
            f'split lists of {dataset}: expected a folder splits/{dataset} '
            f'in {" or ".join(map(str, homes))}, found none. Reinstall '
            'gps_seg, or run from its source tree.'
        )

    def only(self, ids: Iterable[str]) -> Self:
        """The lists and groups without the ids that are not among ``ids``.

        Args:
            ids: Ids that stay.
        """
        kept = set(ids)
        return type(self)(
            {
                name: tuple(id_ for id_ in own if id_ in kept)
                for name, own in self.ids.items()
            },
            {id_: group for id_, group in self.groups.items() if id_ in kept},
        )

    def split_of(self) -> dict[str, str]:
        """Map each id to ``train`` or ``val``; without these, ``all``."""
        return {
            id_: name
            for name in ('all', 'train', 'val')
            for id_ in self.ids.get(name, ())
        }

    def problems(self) -> list[str]:
        """What is wrong with the lists, one line per problem."""
        return [
            *self._repeated_ids(),
            *self._shared_ids(),
            *self._ids_outside_train(),
            *self._ids_of_all_alone(),
            *group_problems(self.groups, self.ids['train'], self.ids['val']),
        ]

    def write(self, folder: Path) -> None:
        """Write one ``<split>.txt`` per list, and the groups if any."""
        folder.mkdir()
        for name, ids in self.ids.items():
            text = ''.join(f'{id_}\n' for id_ in ids)
            (folder / f'{name}.txt').write_text(text, 'utf-8', newline='\n')
        write_groups(self.groups, folder)

    def _repeated_ids(self) -> list[str]:
        return [
            f'{id_}: expected once in {name}.txt, found {ids.count(id_)} times'
            for name, ids in self.ids.items()
            if len(set(ids)) < len(ids)
            for id_ in sorted({i for i in ids if ids.count(i) > 1})
        ]

    def _shared_ids(self) -> list[str]:
        return [
            f'{id_}: expected in one split, is in both {first} and {second}'
            for first, second in combinations(self.ids, 2)
            if tuple(sorted((first, second))) in DISJOINT_PAIRS
            for id_ in sorted(set(self.ids[first]) & set(self.ids[second]))
        ]

    def _ids_outside_train(self) -> list[str]:
        train = set(self.ids['train'])
        return [
            f'{id_}: is in {name}.txt but not in train.txt; choices must use '
            'training images only'
            for name, ids in self.ids.items()
            if name not in ('train', 'val', 'all')
            for id_ in sorted(set(ids) - train)
        ]

    def _ids_of_all_alone(self) -> list[str]:
        if 'all' not in self.ids:
            return []
        divided = {*self.ids['train'], *self.ids['val']}
        return [
            f'{id_}: expected in all.txt and in train.txt or val.txt, is in '
            'one of the two'
            for id_ in sorted(divided ^ set(self.ids['all']))
        ]


def _ids(text: str) -> Iterator[str]:
    return filter(None, map(str.strip, text.splitlines()))


def draw_tuning_lists(
    train_ids: Sequence[str],
    *,
    num_train: int,
    num_val: int,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Two disjoint samples of the training ids, for choosing learning rates.

    The ids are sorted by the SHA-256 of ``TUNING_SALT``, a colon and the id.
    The first ``num_train`` and the next ``num_val`` are taken. No random
    generator is used, so the draw depends neither on library versions nor on
    the order of ``train_ids``.

    Args:
        train_ids: Ids of the training split.
        num_train: Number of ids to tune on.
        num_val: Number of ids to evaluate on.

    Returns:
        Ids to tune on and ids to evaluate on, each sorted by name.

    Raises:
        ValueError: If ``num_train + num_val`` exceeds the number of ids.
    """
    if num_train + num_val > len(train_ids):
        raise ValueError(
            f'num_train + num_val: expected at most {len(train_ids)}, the '
            f'number of training ids, got {num_train + num_val}.'
        )
    drawn = sorted(
        train_ids,
        key=lambda id_: hashlib.sha256(
            f'{TUNING_SALT}:{id_}'.encode()
        ).hexdigest(),
    )
    return (
        tuple(sorted(drawn[:num_train])),
        tuple(sorted(drawn[num_train : num_train + num_val])),
    )
