"""A stand-in for huggingface_hub that records calls and needs no network."""

from types import SimpleNamespace


class HTTPError(Exception):
    """Base of all errors of the library that sends the requests."""


class ConnectError(HTTPError):
    pass


class HfHubHTTPError(HTTPError, OSError):
    pass


class RepositoryNotFoundError(HfHubHTTPError):
    pass


class RevisionNotFoundError(HfHubHTTPError):
    pass


class EntryNotFoundError(Exception):
    pass


class LocalEntryNotFoundError(FileNotFoundError, EntryNotFoundError):
    pass


class LocalTokenNotFoundError(OSError):
    pass


ERRORS = SimpleNamespace(
    **{
        each.__name__: each
        for each in (
            *(HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError),
            *(EntryNotFoundError, LocalEntryNotFoundError),
            LocalTokenNotFoundError,
        )
    }
)


class RecordedHub:
    """The functions that are used; each call is in ``calls``.

    Args:
        folder: Content of the only repository.
        token: Token of the user; None for nobody.
        failure: Error of every call that would use the network.
    """

    errors = ERRORS

    def __init__(self, folder=None, token='t', failure=None):
        self.folder, self.token, self.failure = folder, token, failure
        self.calls = []

    def get_token(self):
        return self.token

    def hf_hub_download(self, name, file, **options):
        self._call('download', name, file, options)
        return str(self.folder / file)

    def HfApi(self, **options):  # noqa: N802  (the library's name)
        return SimpleNamespace(
            create_repo=lambda name, **o: self._call('create', name, o),
            upload_folder=lambda **o: self._call('upload', o),
        )

    def _call(self, *call):
        self.calls.append(call)
        if self.failure is not None:
            raise self.failure
