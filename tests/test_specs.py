"""What people type to name a network, taken apart."""

from __future__ import annotations

import pytest

from lwprof import specs
from lwprof.errors import InputError
from lwprof.results import TensorSpec


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
        ("timm:resnet50", "networks of timm are not supported in this version"),
        ("torchvision:resnet50", "networks of torchvision are not supported"),
        ("models/net.onnx", "ONNX files are not supported in this version"),
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
    assert specs.input_size("3,32,32") == TensorSpec((3, 32, 32), "float32")
    assert specs.input_size("16:int64") == TensorSpec((16,), "int64")


@pytest.mark.parametrize(
    "text", ["", "3,", "3x32x32", "0,3,3", "-1", "3,2.5", "3,32,32:int46", "3:qint8", f"3,{2**31},1"]
)
def test_impossible_input_sizes_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="input size"):
        specs.input_size(text)
