"""Files are found before they are read, and written whole or not at all."""

from __future__ import annotations

import errno
import json
import os

import pytest

from lwprof.errors import InputError
from lwprof.files import existing, folder_bytes, write_whole


def test_text_is_written_as_it_is(tmp_path):
    write_whole(tmp_path / "x.txt", "µ\r\nx\n")
    assert (tmp_path / "x.txt").read_bytes() == "µ\r\nx\n".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["x.txt"]


def test_what_is_no_text_is_written_as_json_has_it(tmp_path):
    write_whole(tmp_path / "x.json", '"\udcff"')
    assert json.loads((tmp_path / "x.json").read_bytes()) == "\udcff"


def test_a_new_file_has_the_usual_rights_and_an_old_one_keeps_its_own(tmp_path):
    usual, path = tmp_path / "usual", tmp_path / "x"
    usual.write_text("")
    write_whole(path, "a")
    assert path.stat().st_mode == usual.stat().st_mode
    path.chmod(0o640)
    write_whole(path, "b")
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("place", "message"),
    [("none/x.json", "No such file or directory"), ("file/x.json", "Not a directory"), (".", "Is a directory")],
)
def test_a_place_that_cannot_be_written_is_refused_in_one_line(place, message, tmp_path):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(InputError, match=message) as caught:
        write_whole(tmp_path / place, "text")
    assert str(caught.value).startswith(f"cannot write {tmp_path}")
    assert len(str(caught.value).splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_without_the_right_to_write_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="Permission denied"):
        write_whole(tmp_path / "x.json", "text")


@pytest.mark.parametrize("step", ["replace", "chmod"])
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_on_the_way_keeps_the_old_file_and_leaves_nothing_beside_it(step, failure, tmp_path, monkeypatch):
    def fail(*_):
        raise failure

    path = tmp_path / "x.json"
    path.write_text("old")
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(InputError if isinstance(failure, OSError) else KeyboardInterrupt):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_a_link(there, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    real, link = tmp_path / "elsewhere" / "real.json", tmp_path / "link.json"
    if there:
        real.write_text("old")
    link.symlink_to(real)
    write_whole(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["real.json"]


def test_a_device_is_written_to_not_replaced():
    write_whole("/dev/null", "text")
    assert not os.path.isfile("/dev/null")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("none", "no file .*none$"),
        ("file/none", "no file .*none$"),
        ("null\0byte", "no file "),
        (".", "is a folder, not a Python file$"),
        ("long" * 100, "^cannot read .*: File name too long$"),
        ("loop", "^cannot read .*: Too many levels of symbolic links$"),
    ],
)
def test_what_is_no_file_is_refused_in_one_line(place, message, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert existing(tmp_path / "file", "a Python file") == tmp_path / "file"
    with pytest.raises(InputError, match=message):
        existing(tmp_path / place, "a Python file")


def test_what_lies_in_a_folder_is_summed_and_links_are_not_followed(tmp_path):
    inner = tmp_path / "in" / "deep"
    inner.mkdir(parents=True)
    empty = folder_bytes(tmp_path / "in")
    (inner / "a").write_bytes(b"x" * 1000)
    (tmp_path / "b").write_bytes(b"x" * 50_000)
    (inner / "link").symlink_to(tmp_path / "b")
    assert 1000 <= folder_bytes(tmp_path / "in") - empty < 2000
    assert folder_bytes(tmp_path / "none") == 0
