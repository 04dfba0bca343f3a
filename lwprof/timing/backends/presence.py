"""Presence: whether the packages of a runtime are installed, and load."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping

from lwprof.errors import first_line


def missing(packages: Mapping[str, str], *loaded: str) -> str | None:
    """Say which packages are not installed, or that one does not load; ``None`` where all is well.

    Args:
        packages: what is imported of each, by the name that it is installed by.
        loaded: modules of theirs that are imported to see whether they load.
    """
    absent = [package for package, imported in packages.items() if importlib.util.find_spec(imported) is None]
    if absent:
        return f"{' and '.join(absent)} {'is' if len(absent) == 1 else 'are'} not installed"
    from lwprof.timing.silence import silence

    for module in loaded:
        try:
            with silence():
                importlib.import_module(module)
        except Exception as error:
            if _interrupted(error):
                raise KeyboardInterrupt from error
            root = module.partition(".")[0]
            package = next(package for package, imported in packages.items() if imported == root)
            return f"{package} is installed but does not load ({first_line(error)}): {again(package)}"
    return None


def again(package: str) -> str:
    """The line that installs a broken package anew: to pip an extra of lwprof would count as installed."""
    return f"pip install --force-reinstall --no-deps {package}"


def _interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind an error: native code says that it cannot be initialised."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None
