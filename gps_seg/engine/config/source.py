# Copyright (c) gps_seg contributors. Apache-2.0.
"""Read a config from a path, or from an installed package: ``mmseg::x.py``.

MMEngine has a list of package names on PyPI. The maintained continuation of
MMSegmentation has another name there, and this package is not listed. Here a
config is looked up in the folder ``.mim/configs`` of the package that Python
imports by the given name.
"""

import importlib.util
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.utils import is_installed

from gps_seg.engine.config.execution import run_config
from gps_seg.engine.config.keys import check_spelling
from gps_seg.files.shared_files import CONFIG_FILE

#: Packages whose configs are suggested when a name is not found.
PACKAGES = ('gps_seg', 'mmseg', 'mmpretrain')


def let_bases_name_packages() -> None:
    """Let MMEngine find ``_base_ = ['mmseg::...', 'gps_seg::...']``."""
    for package in PACKAGES:
        listed = MODULE2PACKAGE.get(package)
        if listed is None or not is_installed(listed):
            MODULE2PACKAGE[package] = package  # MMEngine then imports it


def read_config(
    source: str, overrides: Mapping[str, Any] | None = None
) -> Config:
    """Read a config and its bases.

    Args:
        source: Path of a file, or of the folder of a task, which has a
            ``config.py``; or ``package::path`` for a config of an installed
            package.
        overrides: Values by dotted key that replace those of the config; a
            number in a key is a position in a list.

    Raises:
        FileNotFoundError: If there is no such file; similar names are listed.
        ValueError: If the file has weights or cannot be read, there is no
            such package, two bases of the config set the same key, or an
            override is misspelt or does not fit.
    """
    config = run_config(find_config(source))
    _forget_our_scope(config._cfg_dict)
    check_spelling(dict.keys(config._cfg_dict), overrides or ())
    if overrides:
        _override(config, overrides)
    return config


def _override(config: Config, values: Mapping[str, Any]) -> None:
    try:
        config.merge_from_dict(dict(values))
    except (KeyError, TypeError) as error:
        raise ValueError(
            '--cfg-options: expected keys that lead to settings of the '
            f'config, got: {error.args[0]} ({", ".join(values)})'
        ) from error


def _forget_our_scope(value: Any) -> None:
    """Remove the scope that MMEngine adds to components from ``gps_seg::``.

    Our components are in the registries of OpenMMLab, so the config's own
    scope is right. ``dict.values`` imports nothing if the config is lazy.
    """
    if isinstance(value, dict):
        if dict.get(value, '_scope_') == 'gps_seg':
            dict.pop(value, '_scope_')
        value = list(dict.values(value))
    if isinstance(value, list | tuple):
        for item in value:
            _forget_our_scope(item)


def find_config(source: str) -> Path:
    """The file that ``source`` names; see :func:`read_config`."""
    package, separator, name = source.partition('::')
    path = config_folder(package) / name if separator else Path(source)
    if path.suffix in ('.safetensors', '.pth'):
        raise ValueError(
            f'config: expected a config, got the weights {source}. Give the '
            'config first, then the delta or checkpoint.'
        )
    if path.is_file():
        return path
    if (path / CONFIG_FILE).is_file():
        return path / CONFIG_FILE
    found = f'the folder {source}' if path.is_dir() else source
    close = _close_to(source, package if separator else None)
    advice = f'Did you mean {" or ".join(close)}?' if close else ''
    raise FileNotFoundError(
        f'config: expected a file, got {found}. {advice or "Check the path."}'
    )


def _close_to(source: str, package: str | None) -> list[str]:
    """Names of configs similar to ``source``, those of its folder first."""
    folder = source.rpartition('/')[0]
    if package is None:
        own = sorted(map(str, Path(folder).glob('*.py')))
        known = [name for each in PACKAGES for name in _configs_of(each)]
    else:
        known = list(_configs_of(package))
        own = sorted(n for n in known if n.startswith(f'{folder}/'))
    return (
        get_close_matches(source, own)
        or (own[:3] if package else [])
        or get_close_matches(source, sorted(known))
    )


def config_folder(package: str) -> Path:
    """The folder of a package's configs, found without importing the package.

    Args:
        package: Name by which the package is imported.

    Raises:
        ValueError: If it is not installed, or has no configs.
    """
    folder = _installed_folder(package)
    if folder is None:
        raise ValueError(
            'config: expected an installed package that has configs before '
            f"'::', such as {', '.join(PACKAGES)}; got '{package}'."
        )
    return folder


def _installed_folder(package: str) -> Path | None:
    if not package.isidentifier():
        return None
    spec = importlib.util.find_spec(package)
    roots = spec.submodule_search_locations if spec else None
    folders = [Path(root, '.mim/configs') for root in roots or ()]
    return next((folder for folder in folders if folder.is_dir()), None)


def _configs_of(package: str) -> Iterator[str]:
    """Names of all configs of a package, as ``package::path``."""
    folder = _installed_folder(package)
    for file in folder.rglob('*.py') if folder else ():
        yield f'{package}::{file.relative_to(folder).as_posix()}'
