"""Plain names: of the catalogue, of other libraries, of the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from lwprof.errors import InputError
from lwprof.models import aliases, catalog, names, specs
from lwprof.models.libraries import LIBRARIES


@pytest.fixture
def in_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text('[tool.lwprof.networks]\nMy-Tiny = "net.py:TinyNet"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_alias_names_a_network_of_a_library_that_can_be_asked() -> None:
    for alias in aliases.entries().values():
        spec = specs.parse(alias.spec)
        assert spec.kind == "library", alias
        assert spec.place == alias.library
        assert alias.name == specs.plain(alias.name)
        assert 2012 <= alias.year <= 2030
        assert all((alias.title, alias.family, alias.paper)), alias


def test_no_alias_hides_a_network_of_the_catalogue() -> None:
    assert not set(aliases.entries()) & set(catalog.names())


def test_libraries_are_those_of_the_specs() -> None:
    assert tuple(library.name for library in LIBRARIES) == specs.LIBRARIES


def test_the_projects_names_stand_beside_the_others(in_project: Path) -> None:
    assert list(names.known())[:2] == ["My-Tiny", "mbv1"]
    assert {"mbv2", "lcnet"} < set(names.known())
    found = names.find("my_tiny")
    assert found.name == "My-Tiny"
    with pytest.raises(InputError, match=r"^unknown network 'my_tiny'"):
        names.find("my_tiny", project=False)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("mobilnet2", "mbv2"), ("lcnt", "lcnet"), ("mobilevit_xxss", "mobilevit_xxs"), ("mytiny", "My-Tiny")],
)
def test_an_unknown_name_gets_the_nearest(in_project: Path, name: str, meant: str) -> None:
    with pytest.raises(InputError) as caught:
        names.find(name)
    assert str(caught.value) == f"unknown network {name!r}; did you mean {meant!r}?"


def test_a_name_that_is_near_to_none_leads_to_the_list() -> None:
    with pytest.raises(InputError, match=r"^unknown network 'qqqq'; 'lwprof list' has them all$"):
        names.find("qqqq")
