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


@pytest.mark.parametrize(
    ("stands_for", "says"),
    [
        ("mbv22", "unknown network 'mbv22'; did you mean 'mbv2'?"),
        ("tiny", "'tiny' is a name of the project too; write what it stands for"),
        ("My_Name", "'My_Name' is a name of the project too; write what it stands for"),
    ],
)
def test_a_project_name_that_stands_for_nothing_is_named_with_its_file(
    in_project: Path, stands_for: str, says: str
) -> None:
    text = f'[tool.lwprof.networks]\nmy-name = "{stands_for}"\ntiny = "net.py:TinyNet"\n'
    (in_project / "pyproject.toml").write_text(text)
    with pytest.raises(InputError) as caught:
        names.meaning(specs.parse("my-name:width=2"))
    assert str(caught.value) == f"pyproject.toml: network 'my-name': {says}"


def test_typed_options_go_before_those_of_the_name(in_project: Path) -> None:
    text = '[tool.lwprof.networks]\nsmall = "mbv1:width=0.25,num_classes=10"\n'
    (in_project / "pyproject.toml").write_text(text)
    target, label, own = names.meaning(specs.parse("small:width=0.5"))
    assert (target.place, target.options, label) == ("mbv1", {"width": "0.5", "num_classes": "10"}, "small")
    assert own is not None
    target, label, own = names.meaning(specs.parse("lcnet:in_chans=1"))
    assert (target.kind, target.place, target.name, target.options) == (
        "library", "timm", "lcnet_100", {"in_chans": "1"},
    )  # fmt: skip
    assert (target.text, label, own) == ("lcnet:in_chans=1", "lcnet", None)
