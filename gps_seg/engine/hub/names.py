# Copyright (c) gps_seg contributors. Apache-2.0.
"""Names of repositories on the Hugging Face hub."""

import re
from dataclasses import dataclass

SCHEME = 'hf://'
# As the hub allows them; neither '--' nor '..' may occur.
_PART = r'(?!.*(?:--|\.\.))[A-Za-z0-9](?:[\w.-]{0,94}[A-Za-z0-9_])?'
_NAME = re.compile(rf'{_PART}/{_PART}', re.ASCII)
_REVISION = re.compile(r'(?!.*\.\.)\w[\w./-]*', re.ASCII)


@dataclass(frozen=True)
class HubAddress:
    """A repository of a model, at one of its revisions.

    Args:
        name: Owner and name.
        revision: Branch, tag or commit; None for the main branch.

    Example:
        >>> HubAddress.of('hf://alice/polyps@v2')
        HubAddress(name='alice/polyps', revision='v2')
        >>> str(HubAddress('alice/polyps'))
        'hf://alice/polyps'
    """

    name: str
    revision: str | None = None

    def __str__(self) -> str:
        end = '' if self.revision is None else f'@{self.revision}'
        return f'{SCHEME}{self.name}{end}'

    @classmethod
    def of(cls, text: str) -> 'HubAddress':
        """The inverse of ``str``.

        Raises:
            ValueError: If the text is no such address.
        """
        name, at, revision = text.removeprefix(SCHEME).partition('@')
        is_right = (
            text.startswith(SCHEME)
            and _NAME.fullmatch(name)
            and (not at or _REVISION.fullmatch(revision))
        )
        if not is_right:
            raise ValueError(
                f'task: expected {SCHEME}OWNER/NAME or '
                f'{SCHEME}OWNER/NAME@REVISION, got {text!r}.'
            )
        return cls(name, revision or None)


def check_name(name: str) -> str:
    """Check the name of a repository.

    Args:
        name: Owner and name.

    Returns:
        The name.

    Raises:
        ValueError: If it is not ``OWNER/NAME``.

    Example:
        >>> check_name('alice/polyps')
        'alice/polyps'
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            'repository: expected OWNER/NAME on the Hugging Face hub, got '
            f'{name!r}. Letters, digits, -, _ and . may occur.'
        )
    return name
