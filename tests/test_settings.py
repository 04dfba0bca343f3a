"""Which file of settings counts, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from lwprof import settings
from lwprof.errors import InputError
from lwprof.models import projects

NETWORKS = '[networks]\ntiny = "net.py:TinyNet"\n'


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_a_file_of_its_own_has_the_same_tables_at_its_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "lwprof.toml", NETWORKS)
    monkeypatch.chdir(write(tmp_path / "deep" / "down" / "x", "").parent)
    found = projects.networks()["tiny"]
    assert found.file == tmp_path / "lwprof.toml"
    assert found.parsed().place == str(tmp_path / "net.py")


def test_the_nearest_file_of_either_kind_counts(tmp_path: Path) -> None:
    outer = write(tmp_path / "pyproject.toml", "[tool.lwprof]\n")
    inner = write(tmp_path / "inner" / "lwprof.toml", "")
    other = write(tmp_path / "inner" / "other" / "pyproject.toml", "[project]\nname = 'not about lwprof'\n")
    for folder, file in ((tmp_path, outer), (inner.parent, inner), (other.parent, inner)):
        found = settings.project(folder)
        assert found is not None
        assert found.file == file


def test_two_files_in_one_folder_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "lwprof.toml", NETWORKS)
    write(tmp_path / "pyproject.toml", "[project]\nname = 'not about lwprof'\n")
    assert settings.project() is not None
    write(tmp_path / "pyproject.toml", "[tool.lwprof.audit]\n")
    with pytest.raises(InputError) as caught:
        settings.project()
    assert str(caught.value) == "both lwprof.toml and pyproject.toml: [tool.lwprof] have settings; keep one of the two"


@pytest.mark.parametrize(
    ("name", "text"), [("pyproject.toml", f"[tool.lwprof.{NETWORKS[1:]}"), ("edge.toml", NETWORKS)]
)
def test_a_file_that_is_named_goes_before_those_that_would_be_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "lwprof.toml", '[networks]\nother = "net.py:Other"\n')
    read = settings.read(write(tmp_path / "elsewhere" / name, text))
    with settings.choose(read):
        assert list(projects.networks()) == ["tiny"]
        with settings.choose(None):
            assert list(projects.networks()) == ["tiny"]
    assert list(projects.networks()) == ["other"]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("lwprof.toml", "[adit]", "lwprof.toml: unknown setting 'adit'; did you mean 'audit'?"),
        ("lwprof.toml", "colour = 3", "lwprof.toml: unknown setting 'colour'; there is networks, audit"),
        (
            "lwprof.toml",
            "[tool.lwprof.audit]",
            "lwprof.toml: write [audit] for [tool.lwprof.audit]; only pyproject.toml has [tool]",
        ),
        ("lwprof.toml", "[audit", "lwprof.toml is not TOML: "),
        ("pyproject.toml", "[tool.lwprof.adit]", "pyproject.toml: [tool.lwprof]: unknown setting 'adit'; did you mean"),
        ("pyproject.toml", "[tool.other]", "pyproject.toml has no [tool.lwprof]"),
        ("pyproject.toml", "[tool]\nlwprof = 3", "pyproject.toml: [tool.lwprof] must be a table"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / name, text)
    with pytest.raises(InputError) as caught:
        settings.read(name)
    assert str(caught.value).startswith(says)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_named_has_to_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"^no file none\.toml$"):
        settings.read("none.toml")
    with pytest.raises(InputError, match=r"is a folder, not a file of settings$"):
        settings.read(tmp_path)
