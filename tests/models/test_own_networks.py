"""People's own networks: what they are called with, what the project calls them, and which weights they have."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

import lwprof
from lwprof import models
from lwprof.crosscheck import crosscheck
from lwprof.errors import InputError
from lwprof.results.networks import TensorSpec

NET = """
import torch
from torch import nn

class Pair(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 1)
        self.words = nn.Embedding(9, width)

    def forward(self, image, words):
        return self.conv(image).mean((2, 3)) + self.words(words).mean(1)

def by_position():
    return torch.rand(2, 3, 8, 8), torch.tensor([[1, 2, 8], [0, 0, 3]])

def by_name():
    image, words = by_position()
    return {"words": words, "image": image}

def lone():
    return torch.zeros(5, 3, 16, 16)

def one():
    return nn.Conv2d(3, 4, 1)

def sided(resolution):
    return nn.Conv2d(3, resolution, 1)

def none():
    return None

def raising():
    raise KeyError("no such image")

not_a_function = 3
"""

PROJECT = """
[tool.lwprof.networks]
pair = { spec = "nets/net.py:Pair", inputs = "by_position" }
narrow-pair = { spec = "nets/net.py:Pair:width=2", inputs = "nets/net.py:by_name", weights = "nets/narrow.pth" }
one = { spec = "nets/net.py:one", input_size = "3x16x16" }
words = { spec = "nets/net.py:Pair", input_size = ["3x8x8", "3:int64"] }
quarter = { spec = "mbv1:width=0.25", input_size = "3x64x64" }
package = "own_package.mod:one"
small = "mbv1:width=0.25,resolution=96"
sided = { spec = "nets/net.py:sided:resolution=8", input_size = "3x4x4" }
"""
IMAGE, WORDS = TensorSpec((2, 3, 8, 8), "float32"), TensorSpec((2, 3), "int64")


@pytest.fixture(autouse=True)
def _same_imports() -> Iterator[None]:
    """Put the import path and the imported modules back."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith(("_lwprof_", "own_package")):
            del sys.modules[name]


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, seen from a folder inside of it."""
    for folder in ("nets", "own_package", "deep"):
        (tmp_path / folder).mkdir()
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "nets" / "net.py").write_text(NET)
    (tmp_path / "own_package" / "mod.py").write_text(NET)
    monkeypatch.chdir(tmp_path / "deep")
    narrow = models.resolve("../nets/net.py:Pair:width=2", input_sizes=[(3, 8, 8)]).module
    nn.init.constant_(narrow.get_parameter("conv.weight"), 0.5)
    torch.save(narrow.state_dict(), tmp_path / "nets" / "narrow.pth")
    return tmp_path / "nets" / "net.py"


@pytest.mark.parametrize(("function", "inputs"), [("by_position", (IMAGE, WORDS)), ("by_name", (WORDS, IMAGE))])
def test_a_function_makes_the_inputs(net: Path, function: str, inputs: tuple[TensorSpec, ...]) -> None:
    for name in (function, f"{net}:{function}"):
        network = models.resolve(f"{net}:Pair", inputs=name, batch=7)
        assert network.inputs == inputs
        assert lwprof.profile(f"{net}:Pair", inputs=name).totals.mult_adds == 2 * 64 * 12
    first, second = (models.resolve(f"{net}:Pair", inputs="by_position").values for _ in range(2))
    assert torch.equal(first[0], second[0])  # type: ignore[index]


def test_the_function_may_be_python_itself(net: Path) -> None:
    def make() -> dict[str, torch.Tensor]:
        return {"words": torch.zeros(2, 3, dtype=torch.int64), "image": torch.zeros(2, 3, 8, 8)}

    spec = f"{net}:Pair"
    module = lwprof.build(spec)
    results = [
        lwprof.profile(spec, inputs=make),
        lwprof.profile(spec, inputs=make()),
        lwprof.profile(module, inputs=make),
        lwprof.profile(module, inputs=f"{net}:by_name"),
        *lwprof.compare([spec, module], inputs=make, timed=False).models,
        *lwprof.compare([spec, module], inputs=f"{net}:by_name", timed=False).models,
    ]
    assert {result.totals.mult_adds for result in results} == {2 * 64 * 12}
    assert {result.model.inputs for result in results} == {(WORDS, IMAGE)}


def test_one_tensor_is_one_input_also_for_the_catalogue(net: Path) -> None:
    assert models.resolve(f"{net}:one", inputs="lone").inputs == (TensorSpec((5, 3, 16, 16), "float32"),)
    network = models.resolve("mbv1:width=0.25", inputs=lambda: torch.zeros(2, 3, 224, 224))
    assert network.published is not None
    assert network.published.top1 == 50.6


def test_every_tool_counts_inputs_by_keyword(net: Path) -> None:
    result = crosscheck(f"{net}:Pair", inputs="by_name")
    assert result.model.inputs == (IMAGE, WORDS)
    assert {row.ours for row in result.rows} == {2 * 64 * 12}
    assert {row.unexplained for row in result.rows} == {0}


@pytest.mark.slow
def test_what_is_timed_gets_the_functions_inputs(net: Path) -> None:
    result = lwprof.compare(["pair", "narrow-pair", "one"], batch=4, budget_s=0.05)
    assert [model.model.inputs for model in result.models[:2]] == [(IMAGE, WORDS), (WORDS, IMAGE)]
    assert [model.timings[0].batch for model in result.models] == [2, 2, 4]


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ("by_positon", "net.py has no 'by_positon'; did you mean 'by_position'?"),
        (
            "none",
            "none must return a tensor, a tuple of tensors or a dict of them by name, not a value of type NoneType",
        ),
        (
            "one",
            "net.py:one must return a tensor, a tuple of tensors or a dict of them by name, not a value of type Conv2d",
        ),
        ("raising", "net.py:raising makes no inputs: KeyError: 'no such image'"),
        ("not_a_function", "net.py:not_a_function is of type int, not a function that makes inputs"),
        ("data.py", "'data.py' names no function that makes inputs; write NAME, FILE.py:NAME or pkg.mod:NAME"),
        ("data.py:make", "no file data.py"),
    ],
)
def test_a_function_that_makes_none_is_refused_in_a_sentence(net: Path, inputs: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        models.resolve(f"{net}:Pair", inputs=inputs)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_inputs_and_their_sizes_are_not_given_both(net: Path) -> None:
    with pytest.raises(InputError, match="give either inputs or an input size, not both"):
        models.resolve(f"{net}:Pair", inputs="by_name", input_sizes=[(3, 8, 8)])
    with pytest.raises(InputError, match="give either resolution=64 or inputs, not both"):
        models.resolve("mbv1:resolution=64", inputs=f"{net}:lone")


@pytest.mark.parametrize(
    ("name", "params", "inputs"),
    [
        ("pair", 16 + 36, (IMAGE, WORDS)),
        ("Pair:width=8", 32 + 72, (IMAGE, WORDS)),
        ("narrow_pair", 8 + 18, (WORDS, IMAGE)),
        ("one", 16, (TensorSpec((1, 3, 16, 16), "float32"),)),
        ("words", 52, (TensorSpec((1, 3, 8, 8), "float32"), TensorSpec((1, 3), "int64"))),
        ("quarter", 470_072, (TensorSpec((1, 3, 64, 64), "float32"),)),
        ("package", 16, (TensorSpec((1, 3, 224, 224), "float32"),)),
    ],
)
def test_the_project_names_its_networks(net: Path, name: str, params: int, inputs: tuple[TensorSpec, ...]) -> None:
    network = models.resolve(name)
    assert sum(parameter.numel() for parameter in network.module.parameters()) == params
    assert network.inputs == inputs
    assert network.spec == name
    assert network.name.partition(":")[0] in ("pair", "narrow-pair", "one", "words", "quarter", "package")
    assert sum(parameter.numel() for parameter in lwprof.build(name).parameters()) == params


@pytest.mark.slow
def test_what_is_typed_goes_before_what_the_project_says(net: Path) -> None:
    assert models.resolve("one", input_sizes=[(3, 4, 4)], batch=2).inputs == (TensorSpec((2, 3, 4, 4), "float32"),)
    assert models.resolve("pair", inputs="by_name").inputs == (WORDS, IMAGE)
    assert models.resolve("quarter:width=0.5").name == "quarter:width=0.5"
    assert models.resolve("quarter:width=0.5,num_classes=10", weights=False).module.get_buffer(
        "stem.norm.running_mean"
    ).shape == (16,)


@pytest.mark.slow
def test_a_resolution_is_the_images_or_else_the_builders_own(net: Path) -> None:
    assert models.resolve("small").inputs[0].shape == (1, 3, 96, 96)
    assert models.resolve("small:resolution=64").inputs[0].shape == (1, 3, 64, 64)
    assert models.resolve("small", input_sizes=[(3, 32, 32)]).inputs[0].shape == (1, 3, 32, 32)
    assert models.resolve("quarter:resolution=32").inputs[0].shape == (1, 3, 32, 32)
    sided = models.resolve("sided:resolution=5")
    assert sided.inputs[0].shape == (1, 3, 4, 4)
    assert sided.module.get_parameter("weight").shape[0] == 5


def test_the_project_says_which_weights_a_network_has(net: Path) -> None:
    for module in (models.resolve("narrow-pair").module, lwprof.build("narrow-pair")):
        assert set(module.get_parameter("conv.weight").flatten().tolist()) == {0.5}
    with pytest.raises(InputError, match=r"narrow\.pth does not fit narrow-pair: 'conv.weight' has shape"):
        models.resolve("narrow-pair:width=4")


def test_own_folders_may_be_called_as_ours_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of the user's and a part of lwprof share a name, and both are found."""
    for folder in ("architectures", "reports", "libraries"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").write_text("WIDTH = 7\n")
    (tmp_path / "specs.py").write_text("CHANNELS = 3\n")
    (tmp_path / "net.py").write_text(
        "import architectures, reports, libraries, specs\nfrom torch import nn\n"
        "from lwprof.architectures import mbv1\n"
        "def make():\n    return nn.Conv2d(specs.CHANNELS, architectures.WIDTH + reports.WIDTH + libraries.WIDTH, 1)\n"
    )
    monkeypatch.chdir(tmp_path)
    names = ("architectures", "reports", "libraries", "specs")
    try:
        assert models.resolve("net.py:make").module.get_parameter("weight").shape[0] == 21
        assert lwprof.profile("mbv1:width=0.25,resolution=32").totals.params == 470_072
    finally:
        for name in names:
            sys.modules.pop(name, None)
