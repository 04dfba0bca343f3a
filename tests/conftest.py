"""What every test shares."""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from lwprof.timing.emulation.installation import Emulator

ROOT = Path(__file__).resolve().parents[1]

# The machine may be busy: no example is failed for being slow. Every run has the same examples.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("repeatable")


CACHE, USERS_CACHE = "LWPROF_CACHE", "LWPROF_TESTS_USERS_CACHE"
"""Variables: the folder of this run, and the one that the user named, if any."""

NO_FLOOR = "LWPROF_NO_FLOOR"
"""Variable that keeps `lwprof compare` from measuring ceilings: a test that wants them removes it."""


def pytest_configure(config: pytest.Config) -> None:
    """Keep conversions in a folder of this run, which all of its processes share, instead of the user's."""
    if hasattr(config, "workerinput"):  # a process of pytest-xdist, which inherited the variable
        return
    kept, folder = (
        os.environ.get(CACHE),
        tempfile.TemporaryDirectory(prefix="lwprof-tests-", ignore_cleanup_errors=True),
    )
    os.environ[CACHE], os.environ[NO_FLOOR] = folder.name, "1"
    if kept is not None:
        os.environ[USERS_CACHE] = str(Path(kept).absolute())

    def put_back() -> None:
        folder.cleanup()
        os.environ.pop(CACHE)
        os.environ.pop(NO_FLOOR)
        os.environ.pop(USERS_CACHE, None)
        if kept is not None:
            os.environ[CACHE] = kept

    config.add_cleanup(put_back)


@pytest.fixture(scope="session")
def arm_emulator() -> Emulator:
    """What emulates ARM, where the user has installed it; from then on this run's cache has it, too."""
    from lwprof.errors import BackendError
    from lwprof.timing.emulation import installation

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(CACHE)
        if USERS_CACHE in os.environ:
            patch.setenv(CACHE, os.environ[USERS_CACHE])
        place = installation.folder()
        try:
            installation.found()
        except BackendError:
            pytest.skip(f"the emulator is not installed ({installation.INSTALL})")
    installation.folder().mkdir(exist_ok=True)
    for part in (path for path in place.glob("[!.]*") if path.is_dir()):
        with suppress(FileExistsError):  # another process of pytest-xdist was first
            (installation.folder() / part.name).symlink_to(part, target_is_directory=True)
    return installation.found()


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Have tests that run side by side not wait for each other's threads; their networks are small."""
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _no_ceilings() -> Iterator[None]:
    """Have tests in this process know none of those that documented commands measure in theirs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lwprof.timing.conversions.cache.CEILINGS", "ceilings-of-tests.json")
        yield


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Draw the same numbers in every run, for tests that have torch at all."""
    if torch := sys.modules.get("torch"):
        torch.default_generator.manual_seed(0)
        if torch.cuda.is_initialized():  # torch.manual_seed would note the seed, with a traceback, wherever it is not
            torch.cuda.manual_seed_all(0)


def pytest_collection_finish() -> None:
    """Spare the garbage collector what lives to the end: modules, and thousands of tests."""
    gc.collect()
    gc.freeze()


def pytest_sessionstart() -> None:
    """Refuse to test this folder's half of the package in place of the whole one."""
    found = importlib.util.find_spec("lwprof")
    if found is None:
        pytest.exit("lwprof is not installed here: run `make test`, or .venv/bin/pytest after it", returncode=4)
    if found.origin == str(ROOT / "lwprof" / "__init__.py"):
        pytest.exit("lwprof comes from the sources: run the `pytest` command, not `python -m pytest`", returncode=4)


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what takes the emulator; skip what needs a GPU where there is none."""
    for item in items:
        if arm_emulator.__name__ in getattr(item, "fixturenames", ()):
            item.add_marker("emulated")
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked:
        import torch

        if not torch.cuda.is_available():
            for item in marked:
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))
