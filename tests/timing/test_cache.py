"""Conversions are kept, whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lwprof.errors import BackendError
from lwprof.timing.contract import Conversion, Source
from lwprof.timing.conversions import cache
from lwprof.timing.conversions.cache import Converted, cache_folder, converted
from lwprof.timing.portable.clock import Clock

CLOCK = Clock(lambda: 0.0, 1e-9)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "kept"))
    return tmp_path / "kept"


class Writer:
    """Writes two files, and counts how often."""

    def __init__(self, text: str = "weights", versions: Any = None) -> None:
        self.times = 0
        self.text = text
        self.conversion = Conversion("test", versions or {"test": "1"}, self.write)

    def write(self, source: Source, place: Path) -> None:
        assert not list(place.iterdir())
        self.times += 1
        (place / "graph").write_text("graph")
        (place / "weights").write_text(self.text)

    def get(self, content: str = "a") -> Converted:
        with converted(self.conversion, Source("net", None, (), content=content), CLOCK) as found:
            assert (found.folder / "weights").read_text() == self.text
            return found


def test_second_time_it_is_there() -> None:
    writer = Writer()
    first, second = writer.get(), writer.get()
    assert writer.times == 1
    assert (first.cached, second.cached) == (False, True)
    assert first.size_bytes == second.size_bytes == len("graph" + "weights")
    assert first.warning == second.warning == ""


def test_other_content_versions_or_format_are_converted_anew() -> None:
    writer, newer = Writer(), Writer(versions={"test": "2"})
    assert not writer.get("a").cached
    assert not writer.get("b").cached
    assert not newer.get("a").cached
    assert writer.get("a").cached


def test_another_version_of_lwprof_converts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Writer()
    writer.get()
    monkeypatch.setattr(cache, "__version__", "999")
    assert not writer.get().cached


def flip(place: Path) -> None:
    content = bytearray((place / "weights").read_bytes())
    content[3] ^= 1
    (place / "weights").write_bytes(content)


def test_nothing_is_kept_of_a_conversion_that_fails(folder: Path) -> None:
    for error in (BackendError("no"), KeyboardInterrupt()):

        def fail(source: Source, place: Path, error: BaseException = error) -> None:
            (place / "graph").write_text("half")
            raise error

        made: list[Path] = []
        with (
            pytest.raises(type(error)),
            converted(Conversion("test", {}, fail), Source("net", None, ()), CLOCK) as found,
        ):
            made.append(found.folder)
        assert not made
    assert cache.contents() == (0, 0)
    assert not list(folder.rglob("*"))


@pytest.mark.parametrize(
    "damage",
    [
        flip,
        lambda place: (place / "weights").write_text("wei"),
        lambda place: (place / "weights").unlink(),
        lambda place: (place / cache.MANIFEST).unlink(),
        lambda place: (place / cache.MANIFEST).write_text("not JSON"),
        lambda place: (place / cache.MANIFEST).write_text("[]"),
        lambda place: (place / cache.MANIFEST).write_text('{"files": {"weights": 3}}'),
        lambda place: (place / cache.MANIFEST).write_bytes(b"\xff\xfe\x00"),
        lambda place: shutil.rmtree(place),
        lambda place: (shutil.rmtree(place), place.write_text("a file")),
    ],
)
def test_damaged_entry_is_made_anew(damage: Callable[[Path], Any]) -> None:
    writer = Writer()
    damage(writer.get().folder)
    again = writer.get()
    assert (writer.times, again.cached, again.warning) == (2, False, "")
    assert writer.get().cached


def test_foreign_files_do_not_matter() -> None:
    writer = Writer()
    (writer.get().folder / "notes").write_text("mine")
    assert writer.get().cached
    (cache_folder() / cache.FOLDER / "notes").write_text("mine")
    assert cache.contents()[0] == 1


def test_full_disk_costs_the_entry_only(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def full(source: Any, target: Any) -> None:
        Path(target).write_text("hal")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfile", full)
    writer = Writer()
    found = writer.get()
    assert found.warning == f"the conversion is not kept in {folder}: No space left on device"
    assert (found.cached, found.size_bytes) == (False, 12)
    assert not found.folder.exists()
    assert cache.contents() == (0, 0)
    assert not list((folder / cache.FOLDER).iterdir())


def test_folder_that_cannot_be_made_costs_the_entry_only(folder: Path) -> None:
    folder.write_text("a file")
    assert Writer().get().warning.startswith(f"the conversion is not kept in {folder}: ")
    assert cache.contents() == cache.clear() == (0, 0)


def test_two_at_once_both_have_it() -> None:
    inner, outer = Writer(), Writer()

    def write(source: Source, place: Path) -> None:
        assert not inner.get().cached
        outer.write(source, place)

    with converted(Conversion("test", {"test": "1"}, write), Source("net", None, (), content="a"), CLOCK) as found:
        assert (found.cached, found.warning) == (False, "")
        assert (found.folder / "weights").read_text() == "weights"
    assert cache.contents()[0] == 1


def test_loser_of_a_race_takes_what_the_winner_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    move = os.replace

    def late(source: Any, target: Any) -> None:
        monkeypatch.setattr(os, "replace", move)
        Writer().get()
        move(source, target)

    monkeypatch.setattr(os, "replace", late)
    found = Writer().get()
    assert (found.cached, found.warning) == (False, "")
    assert cache.contents()[0] == 1


def test_entries_used_longest_ago_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Writer()
    for age, content in enumerate("dcba"):
        os.utime(writer.get(content).folder, (1000 + age, 1000 + age))
    assert writer.get("d").cached  # used now
    monkeypatch.setattr(cache, "MOST_BYTES", 3 * cache.contents()[1] // 4 + 8)
    writer.get("e")
    assert [writer.get(content).cached for content in "eda"] == [True] * 3
    assert cache.contents()[0] == 3


def test_contents_and_clear() -> None:
    assert cache.contents() == (0, 0)
    writer = Writer()
    places = [writer.get(content).folder for content in "ab"]
    size = sum(path.stat().st_size for place in places for path in place.iterdir())
    assert cache.contents() == (2, size)
    assert cache.clear() == (2, size)
    assert cache.contents() == (0, 0)
    assert not writer.get("a").cached


def test_what_torch_compiled_is_counted_and_cleared(folder: Path) -> None:
    compiled, emptied = cache.compiled_folder()
    assert not emptied
    compiled.mkdir(parents=True)
    (compiled / "kernel.so").write_bytes(bytes(1000))
    assert cache.contents() == (0, 1000)
    assert cache.clear() == (0, 1000)
    assert not compiled.exists()


def test_what_torch_compiled_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, _ = cache.compiled_folder()
    compiled.mkdir(parents=True)
    (compiled / "kernel.so").write_bytes(bytes(1000))
    monkeypatch.setattr(cache, "MOST_BYTES", 1000)
    assert cache.compiled_folder() == (compiled, False)
    monkeypatch.setattr(cache, "MOST_BYTES", 999)
    assert cache.compiled_folder() == (compiled, True)
    assert not compiled.exists()


def test_manifest_names_all_files() -> None:
    place = Writer().get().folder
    assert set(json.loads((place / cache.MANIFEST).read_text())["files"]) == {"graph", "weights"}


def test_place_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(cache.VARIABLE)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "lwprof"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache_folder() == Path.home() / ".cache" / "lwprof"
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache_folder() == Path.home() / "Library" / "Caches" / "lwprof"
