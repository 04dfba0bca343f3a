"""What a project says of itself in its pyproject.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from lwprof.errors import InputError
from lwprof.models import projects
from lwprof.results.networks import TensorSpec


def project(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(text)
    return folder


def test_a_name_stands_for_a_spec_whose_paths_are_relative_to_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project(tmp_path, '[tool.lwprof.networks]\ntiny = "nets/net.py:TinyNet:width=8"\nmine = "pkg.mod:make"\n')
    below = root / "deep" / "down"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    found = projects.networks()
    assert list(found) == ["tiny", "mine"]
    spec = found["tiny"].parsed()
    assert (spec.kind, Path(spec.place), spec.name) == ("file", root / "nets" / "net.py", "TinyNet")
    assert spec.values == {"width": 8}
    assert found["mine"].parsed().folder == root


def test_a_table_says_what_else_belongs_to_a_network(tmp_path: Path) -> None:
    root = project(
        tmp_path,
        """
        [tool.lwprof.networks]
        one = { spec = "net.py:One", input_size = "3x32x32", weights = "one.pth", title = "The first" }
        two = { spec = "net.py:Two", input_size = ["3,32,32", "16:int64"] }
        three = { spec = "net.py:Three", input_size = [1, 28, 28] }
        four = { spec = "net.py:Four", inputs = "make_inputs" }
        """,
    )
    one, two, three, four = projects.networks(root).values()
    assert (one.input_sizes, one.weights, one.title) == (((3, 32, 32),), "one.pth", "The first")
    assert two.input_sizes == ((3, 32, 32), TensorSpec((16,), "int64"))
    assert three.input_sizes == ((1, 28, 28),)
    assert (four.input_sizes, four.inputs) == ((), "make_inputs")


def test_the_nearest_file_with_settings_counts(tmp_path: Path) -> None:
    project(tmp_path, '[tool.lwprof.networks]\nouter = "net.py:Outer"\n')
    assert list(projects.networks(project(tmp_path / "part", "[project]\nname = 'part'\n"))) == ["outer"]
    assert list(projects.networks(project(tmp_path / "own", '[tool.lwprof.networks]\ninner = "net.py:A"\n'))) == [
        "inner"
    ]


def test_without_settings_there_are_no_networks(tmp_path: Path) -> None:
    assert projects.networks(project(tmp_path, "[tool.other]\nx = 1\n")) == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[tool.lwprof.networks]\nmbv2 = "net.py:A"', "'mbv2': that name is a network of the catalogue already"),
        ('[tool.lwprof.networks]\nMobileNet-V2 = "net.py:A"', "that name is a network of the catalogue already"),
        ('[tool.lwprof.networks]\nlcnet = "net.py:A"', "'lcnet': that name is timm:lcnet_100 already"),
        ('[tool.lwprof.networks]\ntimm = "net.py:A"', "'timm': that name is a library's"),
        ('[tool.lwprof.networks]\na-b = "net.py:A"\na_b = "net.py:B"', "'a_b': that name is given twice"),
        ('[tool.lwprof.networks]\n"a:b" = "net.py:A"', "a name is made of letters, digits, '_' and '-'"),
        ("[tool.lwprof.networks]\nmine = 3", "network 'mine': write a model spec such as"),
        ('[tool.lwprof.networks]\nmine = { spce = "net.py:A" }', "network 'mine': write a model spec such as"),
        ('[tool.lwprof.networks]\nmine = { spec = "n.py:A", sise = 3 }', "'mine': unknown setting 'sise'"),
        ('[tool.lwprof.networks]\nmine = { spec = "n.py:A", input_size = "3xb" }', "'mine': input size '3xb' is not"),
        (
            '[tool.lwprof.networks]\nmine = { spec = "n.py:A", input_size = 3 }',
            'must be written as "3x224x224", or a list of such, not 3',
        ),
        ('[tool.lwprof.networks]\nmine = { spec = "n.py:A", weights = 3 }', "weights must be a string, not 3"),
        (
            '[tool.lwprof.networks]\nmine = { spec = "n.py:A", inputs = "make", input_size = "3x8x8" }',
            "'mine': give either inputs or input_size, not both",
        ),
        (
            '[tool.lwprof.networks]\nmine = { spec = "n.py:A", input_size = [["3", "8"]] }',
            """'mine': input_size must be written as "3x224x224", or a list of such, not ['3', '8']""",
        ),
        ('[tool.lwprof.networks]\nmine = "n.py:A:width="', "option 'width' has no value"),
        ('[tool.lwprof.network]\nmine = "n.py:A"', "unknown setting 'network'; did you mean 'networks'?"),
        ("[tool.lwprof]\nnetworks = 3", "[tool.lwprof.networks] must be a table of names"),
        ("[tool]\nlwprof = 3", "[tool.lwprof] must be a table"),
        ("[tool.lwprof", "is not TOML"),
        (f"[tool.lwprof]\nnumber = {'9' * 5000}", "is not TOML"),
        (f"[tool.lwprof]\ndeep = {'[' * 5000}", "is not TOML"),
    ],
)
def test_impossible_settings_are_one_sentence_that_names_the_file(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        projects.networks(project(tmp_path, text))
    assert str(caught.value).startswith(f"{tmp_path}/pyproject.toml")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_without_a_word_of_lwprof_need_not_be_toml(tmp_path: Path) -> None:
    assert projects.networks(project(tmp_path, "[broken")) == {}
