# Copyright (c) gps_seg contributors. Apache-2.0.
"""Download single files of a repository on the Hugging Face hub."""

from pathlib import Path

from gps_seg.engine.hub.importing import hub_library, transport_errors
from gps_seg.engine.hub.names import HubAddress


def download(address: HubAddress, name: str) -> Path:
    """Get one file, from the library's cache if it is there.

    Args:
        address: Repository.
        name: Name of the file.

    Returns:
        The file in the cache.

    Raises:
        ImportError: If huggingface_hub is not installed.
        FileNotFoundError: If there is no such repository, revision or file,
            or the user may not see it.
        ConnectionError: If the hub does not answer and the file is not in the
            cache.
    """
    library = hub_library()
    errors = library.errors
    try:
        path = library.hf_hub_download(
            address.name, name, revision=address.revision
        )
    except errors.LocalEntryNotFoundError as error:
        raise _no_answer(address, name) from error
    except errors.EntryNotFoundError as error:
        raise FileNotFoundError(
            f'task: expected {name} in {address}, got a repository without '
            'it. tools/share.py makes folders that have it.'
        ) from error
    except (
        errors.RepositoryNotFoundError,
        errors.RevisionNotFoundError,
    ) as error:
        raise FileNotFoundError(
            f'task: expected a repository at {address}, got none that you may '
            'read. Check owner, name and revision; for a private or gated '
            'one, run: hf auth login'
        ) from error
    except transport_errors(library) as error:
        raise _no_answer(address, name) from error
    return Path(path)


def _no_answer(address: HubAddress, name: str) -> ConnectionError:
    return ConnectionError(
        f'task: expected an answer of the Hugging Face hub for {name} of '
        f'{address}, got none. Check the network and HF_HUB_OFFLINE, or give '
        'a folder with a copy of the repository.'
    )
