"""Networks of the catalogue by model spec, and the package's front door."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import lwprof
from lwprof import models
from lwprof.errors import InputError
from lwprof.models import catalog
from lwprof.results.networks import TensorSpec


@pytest.mark.slow
def test_every_network_is_built_as_the_catalogue_says() -> None:
    for entry in catalog.entries().values():
        network = models.resolve(entry.name, weights=False)
        assert network.name == entry.name
        assert sum(parameter.numel() for parameter in network.module.parameters()) == entry.params
        assert network.inputs == (TensorSpec((1, 3, entry.resolution, entry.resolution), "float32"),)
        assert network.published == entry.published_for({}, entry.resolution)


@pytest.mark.parametrize(
    ("spec", "params", "name", "top1"),
    [
        ("mbv2:width=0.75", 2636424, "mbv2:width=0.75", 69.8),
        ("MobileNet-v2", 3504872, "mbv2", 72.0),
        ("mbv2:resolution=160", 3504872, "mbv2:resolution=160", 68.8),
        ("mbv2:resolution=161", 3504872, "mbv2:resolution=161", None),
        ("squeezenet:version=1.1", 1235496, "squeezenet:version=1.1", 58.178),
        ("shufflenetv2:unit=symmetric", 2278604, "shufflenetv2:unit=symmetric", 69.362),
        ("mbv1:num_classes=10", 4231976 - 990 * 1025, "mbv1:num_classes=10", None),
    ],
)
def test_options_reach_the_builder(spec: str, params: int, name: str, top1: float | None) -> None:
    network = models.resolve(spec, weights=False)
    assert sum(parameter.numel() for parameter in network.module.parameters()) == params
    assert network.name == name
    assert (network.published and network.published.top1) == top1


@pytest.mark.slow
def test_resolution_is_the_input_size_and_input_size_the_resolution() -> None:
    by_option = models.resolve("mbv2:resolution=160", weights=False)
    by_size = models.resolve("mbv2", input_sizes=[(3, 160, 160)], weights=False)
    assert by_option.inputs == by_size.inputs == (TensorSpec((1, 3, 160, 160), "float32"),)
    assert by_option.published == by_size.published
    assert models.resolve("mbv2", input_sizes=[(3, 160, 128)], batch=2, weights=False).published is None


@pytest.mark.slow
def test_weights_are_the_same_each_time() -> None:
    first, second = lwprof.build("mbv3_small").state_dict(), models.resolve("mbv3_small").module.state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_input_has_the_dtype_of_a_users_network(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text("from torch import nn\ndef half():\n    return nn.Conv2d(3, 4, 1).half()\n")
    spec = f"{file}:half"
    assert models.resolve(spec).inputs == (TensorSpec((1, 3, 224, 224), "float16"),)
    sizes = [(3, 8, 8), TensorSpec((5,), "int64")]
    assert models.resolve(spec, input_sizes=sizes, batch=2).inputs == (
        TensorSpec((2, 3, 8, 8), "float16"),
        TensorSpec((2, 5), "int64"),
    )


def test_time_to_build_has_no_import_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            return self.now

    monkeypatch.setattr("time.perf_counter", Clock())
    file = tmp_path / "slow.py"
    file.write_text(
        "import time\nfrom torch import nn\ntime.perf_counter.now += 100\n"
        "def make():\n    time.perf_counter.now += 3\n    return nn.Conv2d(3, 4, 1)\n"
    )
    assert models.resolve(f"{file}:make").build_s == 3


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"width": "wide"}, "mbv2: width must be a number, not 'wide'"),
        ({"width": True}, "mbv2: width must be a number, not True"),
        ({"num_classes": 2.5}, "mbv2: num_classes must be a whole number, not 2.5"),
        ({"resolution": 160}, "resolution belongs to the input"),
        ({"depth": 2}, "mbv2 has no option 'depth'; it has num_classes, width"),
        ({"width": 0.0}, "mbv2 cannot be built with width=0.0: "),
        ({"width": float("nan")}, "mbv2 cannot be built with width=nan: "),
        ({"num_classes": -1}, "mbv2 cannot be built with num_classes=-1: "),
    ],
)
def test_build_refuses_what_cannot_be(options: dict[str, object], says: str) -> None:
    with pytest.raises(InputError) as caught:
        lwprof.build("mbv2", **options)
    assert str(caught.value).startswith(says)


def test_the_front_door_has_what_it_lists() -> None:
    for name in lwprof.__all__:
        assert callable(getattr(lwprof, name))
        assert name in dir(lwprof)
    with pytest.raises(AttributeError, match="module 'lwprof' has no attribute 'profil'"):
        lwprof.profil  # noqa: B018


def test_the_version_is_that_of_the_project() -> None:
    import tomllib

    project = Path(__file__).parents[2] / "pyproject.toml"
    assert tomllib.loads(project.read_text())["project"]["version"] == lwprof.__version__
