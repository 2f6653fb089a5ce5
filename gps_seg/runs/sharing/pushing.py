# Copyright (c) gps_seg contributors. Apache-2.0.
"""Upload a shared folder to the Hugging Face hub."""

from pathlib import Path

from gps_seg.engine.hub.importing import hub_library, transport_errors
from gps_seg.engine.hub.names import check_name
from gps_seg.text.markdown import HUB

_MESSAGE = 'Upload a delta of gps_seg'


def prepare_push(name: str, found: Path | None = None) -> None:
    """Check what can be checked before the folder is made.

    Args:
        name: Owner and name of the repository.
        found: Picture of validation images that nobody asked to publish.

    Raises:
        ImportError: If huggingface_hub is not installed.
        ValueError: If the name is malformed, or there is such a picture.
        PermissionError: If the user has not logged in.

    Example:
        >>> prepare_push('polyps')
        Traceback (most recent call last):
        ValueError: repository: expected OWNER/NAME on the Hugging Face hub...
    """
    check_name(name)
    if found is not None:
        raise ValueError(
            'push: expected --no-images or --preview PNG beside it, got '
            f'neither. {found} shows validation images and their names, and '
            'is uploaded only if you name it.'
        )
    if hub_library().get_token() is None:
        raise PermissionError(
            'push: expected a login on the Hugging Face hub, got none. Run: '
            'hf auth login'
        )


def push(folder: Path, name: str) -> str:
    """Upload all files of a folder; the repository is created if missing.

    A new repository is public; one that exists stays as it is.

    Args:
        folder: Folder that :func:`~gps_seg.runs.sharing.share` made.
        name: Owner and name of the repository.

    Returns:
        Address of the repository.

    Raises:
        ImportError: If huggingface_hub is not installed.
        PermissionError: If the user may not write there.
        ConnectionError: If the hub does not answer.

    Example::

        print(push(Path('shared'), 'alice/polyps'))
    """
    library = hub_library()
    api = library.HfApi(library_name='gps_seg')
    try:
        api.create_repo(name, repo_type='model', exist_ok=True)
        api.upload_folder(
            repo_id=name, folder_path=folder, commit_message=_MESSAGE
        )
    except library.errors.HfHubHTTPError as error:
        raise PermissionError(
            f'push: expected the right to write to {name}, got: '
            f'{_first_line(error)}. {_advice(folder, name)}'
        ) from error
    except library.errors.LocalTokenNotFoundError as error:
        raise PermissionError(
            'push: expected a login on the Hugging Face hub, got none. Run: '
            f'hf auth login. {_advice(folder, name)}'
        ) from error
    except transport_errors(library) as error:
        raise ConnectionError(
            f'push: expected an answer of {HUB}, got: {_first_line(error)}. '
            f'Check the network. {_advice(folder, name)}'
        ) from error
    return f'{HUB}/{name}'


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip('. ')


def _advice(folder: Path, name: str) -> str:
    return f'The folder is complete; later: hf upload {name} {folder}'
