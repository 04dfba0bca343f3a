"""What people type to name a network, taken apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from lwprof.errors import InputError
from lwprof.models import specs
from lwprof.results.networks import TensorSpec


@pytest.mark.parametrize(
    ("text", "kind", "place", "name", "values"),
    [
        ("mbv2", "catalogue", "mbv2", "", {}),
        (" mbv2 ", "catalogue", "mbv2", "", {}),
        ("mbv2:width=0.75,resolution=160", "catalogue", "mbv2", "", {"width": 0.75, "resolution": 160}),
        ("net.py:TinyNet", "file", "net.py", "TinyNet", {}),
        ("a/b:c/net.py:TinyNet", "file", "a/b:c/net.py", "TinyNet", {}),
        ("net.py:TinyNet:width=2,act='relu'", "file", "net.py", "TinyNet", {"width": 2, "act": "relu"}),
        ("net.py:TinyNet:act=relu", "file", "net.py", "TinyNet", {"act": "relu"}),
        ("net.py:Nets.Tiny:", "file", "net.py", "Nets.Tiny", {}),
        ("net.py", "file", "net.py", "", {}),
        ("net.py:width=2", "file", "net.py", "", {"width": 2}),
        ("pkg.mod:make_net", "module", "pkg.mod", "make_net", {}),
        ("timm:lcnet_050", "library", "timm", "lcnet_050", {}),
        ("timm:resnet50.a1_in1k:num_classes=10,act_layer=relu", "library", "timm", "resnet50.a1_in1k",
         {"num_classes": 10, "act_layer": "relu"}),
        ("torchvision:resnet18", "library", "torchvision", "resnet18", {}),
        ("pytorchcv:peleenet", "library", "pytorchcv", "peleenet", {}),
        ("nets:make_net:sizes=[1, 2],deep=false", "module", "nets", "make_net", {"sizes": [1, 2], "deep": False}),
        ("nets:make:a=(1,2),b={'x': 1, 'y': 2},c='p,q'", "module", "nets", "make",
         {"a": (1, 2), "b": {"x": 1, "y": 2}, "c": "p,q"}),
        ("n.py:N:a=None,b=True,c=1e-3,d=v1.5-x,e=p=q", "file", "n.py", "N",
         {"a": None, "b": True, "c": 0.001, "d": "v1.5-x", "e": "p=q"}),
        ("n.py:N:a=http://x/y", "file", "n.py", "N", {"a": "http://x/y"}),
        ("n.py:N:a=[1,2", "file", "n.py", "N", {"a": "[1,2"}),
    ],
)  # fmt: skip
def test_every_form_of_a_spec(text: str, kind: str, place: str, name: str, values: dict[str, object]) -> None:
    spec = specs.parse(text)
    assert (spec.kind, spec.place, spec.name, spec.values) == (kind, place, name, values)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "a network's name is empty"),
        ("timm", "'timm' names no network of timm; write timm:NAME"),
        ("timm:width=2", "names no network of timm; write timm:NAME"),
        ("torchvision:hub:owner/name", "option 'owner/name' is not written as NAME=VALUE"),
        ("models/net.onnx:width=2", "an ONNX file takes no options; leave out 'width=2'"),
        (":", "a network's name is empty"),
        ("mbv2:", "'mbv2:' ends with a colon"),
        ("mbv2:width=", "option 'width' has no value; write width=VALUE"),
        ("mbv2:width=1,width=2", "option 'width' is given twice"),
        ("mbv2:width=1,wide", "option 'wide' has no value; write wide=VALUE"),
        ("net.py:Tiny Net", "'Tiny Net' is not a name in Python"),
        ("pkg/mod:make_net", "a file is named as FILE.py:NAME"),
    ],
)
def test_a_spec_that_says_nothing_is_refused_in_one_sentence(text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        specs.parse(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_input_sizes() -> None:
    assert specs.input_size("3,32,32") == specs.input_size("3x32x32") == specs.input_size("3×32×32") == (3, 32, 32)
    assert specs.input_size("16:int64") == TensorSpec((16,), "int64")


@pytest.mark.parametrize(
    "text", ["", "3,", "3x", "3:", "0,3,3", "-1", "3,2.5", "3,32,32:int46", "3:qint8", f"3,{2**31},1"]
)
def test_impossible_input_sizes_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="input size"):
        specs.input_size(text)


def test_a_spec_of_another_folder_finds_its_file_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert specs.parse("net.py:Net").under(tmp_path / "part").place == "part/net.py"
    assert specs.parse("net.py:Net").under(tmp_path.parent).place == str(tmp_path.parent / "net.py")
    assert specs.parse("pkg.mod:make").under(tmp_path.parent).folder == tmp_path.parent
    assert specs.parse("mbv2").under(tmp_path.parent) == specs.parse("mbv2")
