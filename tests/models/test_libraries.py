"""Networks of other libraries, which stand-ins play here: what they are asked for, and what is made of the answer."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import lwprof
from lwprof import models
from lwprof.errors import BackendError, InputError
from lwprof.results.networks import Published, TensorSpec


class Net(nn.Module):
    """One convolution and a classifier; for one size of image, if it is told one."""

    def __init__(self, channels: int = 3, classes: int = 10, side: int | None = None) -> None:
        super().__init__()
        self.side = side
        self.conv = nn.Conv2d(channels, 4, 3, padding=1)
        self.classifier = nn.Linear(4, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert self.side in (None, x.shape[-1])
        return self.classifier(self.conv(x).mean((2, 3)))


Install = Callable[..., None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a module that holds these things in the place of an installed one."""

    def put(name: str, **content: Any) -> None:
        module = types.ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)

    return put


@pytest.fixture
def timm(install: Install) -> list[Any]:
    """A timm of three networks, and what it was asked for."""
    asked: list[Any] = []
    sizes = {"lcnet_100": (False, 224), "vit_tiny": (True, 224), "mobilevit_s": (False, 256)}

    def configuration(name: str) -> Any:
        fixed, side = sizes[name.partition(".")[0]]
        return types.SimpleNamespace(input_size=(3, side, side), fixed_input_size=fixed)

    def create(name: str, *, pretrained: bool, in_chans: int = 3, num_classes: int = 10, img_size: Any = None) -> Net:
        asked.append((name, pretrained, img_size))
        fixed, side = sizes[name.partition(".")[0]]
        return Net(in_chans, num_classes, (img_size[0] if img_size else side) if fixed else None)

    inner = types.SimpleNamespace(get_pretrained_cfg=configuration)
    install("timm", list_models=lambda: list(sizes), create_model=create, models=inner)
    return asked


class Failing:
    """A finder of modules that raises where a certain one is asked for."""

    def __init__(self, name: str, error: Exception) -> None:
        self.name = name
        self.error = error

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name == self.name:
            raise self.error


def shape(network: models.Network) -> tuple[int, ...]:
    return network.inputs[0].shape


def test_timm_builds_without_weights_at_the_networks_own_size(timm: list[Any]) -> None:
    network = models.resolve("timm:mobilevit_s", batch=2)
    assert timm == [("mobilevit_s", False, None)]
    assert (network.name, network.spec, shape(network)) == ("timm:mobilevit_s", "timm:mobilevit_s", (2, 3, 256, 256))
    assert network.published is None


def test_options_go_to_the_builder(timm: list[Any]) -> None:
    network = models.resolve("timm:lcnet_100:num_classes=7,in_chans=1")
    assert network.name == "timm:lcnet_100:num_classes=7,in_chans=1"
    assert network.module.get_parameter("classifier.weight").shape[0] == 7
    assert shape(network) == (1, 1, 224, 224)
    assert lwprof.build("timm:lcnet_100", num_classes=5).get_parameter("classifier.weight").shape[0] == 5


@pytest.mark.parametrize(
    ("spec", "given", "told", "size"),
    [
        ("timm:lcnet_100:resolution=96", (), None, (3, 96, 96)),
        ("timm:lcnet_100", [(3, 64, 32)], None, (3, 64, 32)),
        ("timm:vit_tiny", (), None, (3, 224, 224)),
        ("timm:vit_tiny:resolution=96", (), (96, 96), (3, 96, 96)),
        ("timm:vit_tiny", [(3, 96, 96)], (96, 96), (3, 96, 96)),
        ("timm:vit_tiny:img_size=[160,160]", (), [160, 160], (3, 160, 160)),
    ],
)
def test_another_size_of_image(timm: list[Any], spec: str, given: Any, told: Any, size: tuple[int, ...]) -> None:
    network = models.resolve(spec, input_sizes=given)
    assert shape(network)[1:] == size
    assert timm[-1][2] == told
    assert lwprof.profile(spec, input_size=given or None).model.inputs[0].shape == (1, *size)


@pytest.mark.slow
def test_an_alias_is_the_network_of_the_library(timm: list[Any]) -> None:
    network = models.resolve("lcnet:num_classes=3,resolution=64")
    assert (network.name, shape(network)) == ("lcnet:num_classes=3,resolution=64", (1, 3, 64, 64))
    assert timm == [("lcnet_100", False, None)]
    result = lwprof.compare(["lcnet", "MobileViT-S", "mbv1:width=0.25,resolution=32"], timed=False)
    assert [model.model.name for model in result.models] == ["lcnet", "mobilevit_s", "mbv1:width=0.25,resolution=32"]


def test_weights_are_drawn_only_for_those_who_need_them(timm: list[Any]) -> None:
    counted, built = (models.resolve("lcnet", weights=drawn).module for drawn in (False, True))
    assert {parameter.is_meta for parameter in counted.parameters()} == {True}
    assert {parameter.is_meta for parameter in built.parameters()} == {False}
    assert torch.equal(built.get_parameter("conv.weight"), models.resolve("lcnet").module.get_parameter("conv.weight"))
    assert not nn.Linear(2, 2).weight.is_meta
    assert lwprof.profile("lcnet").totals.params == sum(parameter.numel() for parameter in built.parameters())


class Reading(Net):
    """Reads its weights: while it is built, if told so, and when it is called."""

    def __init__(self, early: bool) -> None:
        super().__init__()
        self.depth = int(self.conv.weight.abs().sum() > 0) if early else 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) if self.classifier.weight.abs().sum() > 0 else x


@pytest.mark.parametrize("early", [True, False])
def test_a_network_that_reads_its_weights_gets_some(install: Install, early: bool) -> None:
    none = types.SimpleNamespace(get_pretrained_cfg=lambda name: None)
    install("timm", list_models=lambda: ["odd"], create_model=lambda name, pretrained: Reading(early), models=none)
    result = lwprof.profile("timm:odd", input_size=(3, 8, 8))
    assert result.totals.mult_adds == 64 * 4 * 27 + 40
    assert result.input_dependent


@pytest.fixture
def torchvision(install: Install) -> list[Any]:
    """A torchvision of four networks, and the options that they were built with."""
    asked: list[Any] = []

    def weights(**members: tuple[Any, dict[str, Any]]) -> Any:
        said = {
            name: types.SimpleNamespace(transforms=functools.partial(dict, crop_size=crop), meta=meta, name=name)
            for name, (crop, meta) in members.items()
        }
        return [*said.values()], next(reversed(said.values()), None)

    def figures(top1: float) -> dict[str, Any]:
        params = sum(parameter.numel() for parameter in Net().parameters())
        return {"num_params": params, "_ops": 0.301, "_metrics": {"ImageNet-1K": {"acc@1": top1, "acc@5": 99.0}}}

    known = {
        "mobilenet_v2": weights(IMAGENET1K_V1=(224, figures(71.878)), IMAGENET1K_V2=([224], figures(72.154))),
        "vit_h_14": weights(LINEAR=(224, figures(85.7)), E2E=(518, figures(88.5))),
        "maxvit_t": weights(IMAGENET1K_V1=(224, figures(83.7))),
        "r3d_18": weights(KINETICS=((112, 112), {"_metrics": {"Kinetics-400": {"acc@1": 1.0}}, "num_params": 1})),
        "untrained": weights(),
    }

    class Known(list[Any]):
        """As the enumerations of weights are: can be walked, and has a default."""

    def get_model_weights(name: str) -> Any:
        members, default = known[name]
        listed = Known(members)
        if default is not None:
            listed.DEFAULT = default  # type: ignore[attr-defined]
        return listed

    def get_model_builder(name: str) -> Any:
        def plain(*, weights: Any = None, **options: Any) -> Net:
            asked.append((weights, options))
            side = options.get("image_size") or options.get("input_size", (None,))[0]
            return Net(side=side)

        def with_backbone(*, weights: Any = None, weights_backbone: Any = "DEFAULT", **options: Any) -> Net:
            return plain(weights=weights, weights_backbone=weights_backbone, **options)

        return with_backbone if name == "untrained" else plain

    content = {"get_model_weights": get_model_weights, "get_model_builder": get_model_builder}
    install("torchvision")
    install("torchvision.models", list_models=lambda: list(known), **content)
    return asked


def test_torchvision_gives_size_and_published_figures(torchvision: list[Any]) -> None:
    network = models.resolve("torchvision:mobilenet_v2")
    assert torchvision == [(None, {})]
    assert (network.name, shape(network)) == ("torchvision:mobilenet_v2", (1, 3, 224, 224))
    params = sum(parameter.numel() for parameter in network.module.parameters())
    assert network.published == Published(72.154, params / 1e6, 301.0, "torchvision IMAGENET1K_V2")


def test_figures_are_of_the_size_and_the_network_that_was_asked_for(torchvision: list[Any]) -> None:
    tops = [
        (network.published and network.published.top1, shape(network)[2])
        for network in (
            models.resolve("torchvision:vit_h_14"),
            models.resolve("torchvision:vit_h_14:image_size=224"),
            models.resolve("torchvision:vit_h_14", input_sizes=[(3, 224, 224)]),
            models.resolve("torchvision:mobilenet_v2", input_sizes=[(3, 160, 160)]),
        )
    ]
    assert tops == [(88.5, 518), (None, 224), (85.7, 224), (None, 160)]
    assert [options for _, options in torchvision[:3]] == [
        {"image_size": 518},
        {"image_size": 224},
        {"image_size": 224},
    ]
    assert shape(models.resolve("torchvision:maxvit_t:resolution=96")) == (1, 3, 96, 96)
    assert torchvision[-1][1] == {"input_size": (96, 96)}


def test_a_network_for_videos_gets_a_clip(torchvision: list[Any]) -> None:
    network = models.resolve("torchvision:r3d_18")
    assert (shape(network), network.published) == ((1, 3, 16, 112, 112), None)


def test_no_backbone_is_downloaded(torchvision: list[Any]) -> None:
    network = models.resolve("torchvision:untrained")
    assert torchvision == [(None, {"weights_backbone": None})]
    assert network.inputs == (TensorSpec((1, 3, 224, 224), "float32"),)


def test_pytorchcv_is_asked_what_size_its_network_takes(install: Install) -> None:
    asked = []

    def get_model(name: str, pretrained: bool, in_size: tuple[int, int] = (192, 192)) -> Net:
        asked.append((name, pretrained, in_size))
        network = Net()
        network.in_size = in_size  # type: ignore[assignment]
        return network

    install("pytorchcv")
    install("pytorchcv.model_provider", get_model=get_model, _models={"peleenet": None})
    assert shape(models.resolve("peleenet")) == (1, 3, 192, 192)
    assert shape(models.resolve("pytorchcv:peleenet:resolution=64")) == (1, 3, 64, 64)
    assert asked == [("peleenet", False, (192, 192)), ("peleenet", False, (64, 64))]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("timm:lcnet_10", "timm has no network 'lcnet_10'; did you mean 'lcnet_100'?"),
        ("timm:lcnet_100:pretrained=True", "timm:lcnet_100: pretrained would download or unpickle weights"),
        ("timm:lcnet_100:checkpoint_path=a.pth", "checkpoint_path would download or unpickle weights"),
        ("timm:lcnet_100:num_clases=3", "timm:lcnet_100:num_clases=3 cannot be built"),
        ("timm:lcnet_100:resolution=wide", "resolution must be a whole number of pixels, not wide"),
    ],
)
def test_what_a_library_has_not_is_refused_in_a_sentence(timm: list[Any], spec: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        models.resolve(spec)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="give either resolution=64 or an input size"):
        models.resolve("lcnet:resolution=64", input_sizes=[(3, 32, 32)])


@pytest.mark.parametrize(
    ("spec", "library"),
    [("timm:lcnet_100", "timm"), ("lcnet", "timm"), ("torchvision:resnet18", "torchvision"), ("peleenet", "pytorchcv")],
)
def test_a_library_that_is_not_installed_is_named_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch, spec: str, library: str
) -> None:
    for name in (library, f"{library}.models", f"{library}.model_provider"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    absent = ModuleNotFoundError(f"No module named {library!r}", name=library)
    monkeypatch.setattr(sys, "meta_path", [Failing(library, absent), *sys.meta_path])
    how = "--no-deps pytorchcv" if library == "pytorchcv" else library
    with pytest.raises(BackendError, match=f"^{spec}: {library} is not installed: pip install {how}$"):
        models.resolve(spec)


def test_a_library_that_does_not_fit_this_torch_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "timm", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Failing("timm", RuntimeError("operator nms\nis missing")), *sys.meta_path])
    with pytest.raises(BackendError, match=r"^lcnet: timm cannot be imported beside this torch: .*operator nms$"):
        models.resolve("lcnet")
