"""Every classification network of torchvision: the figures that it prints with its weights, and ours beside its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
import torchvision
from made_by_others import photograph, torchvision_mobilenet_v2
from torch import nn

import lwprof
from lwprof.architectures import mbv2
from lwprof.architectures.conversion import from_torchvision

NAMES = torchvision.models.list_models(module=torchvision.models)

OPTIONS = {"googlenet": "aux_logits=False"}  # its weights come without the two auxiliary classifiers
"""What makes a network the one that its weights are for."""

# fmt: off
SAME = {
    "mbv2":                                  "mobilenet_v2",
    "mbv2:width=1.3":                        "mobilenet_v2:width_mult=1.3",
    "mbv2:width=0.5,num_classes=7":          "mobilenet_v2:width_mult=0.5,num_classes=7",
    "mbv3_small":                            "mobilenet_v3_small",
    "mbv3_large":                            "mobilenet_v3_large",
    "shufflenetv2:unit=symmetric,width=0.5": "shufflenet_v2_x0_5",
    "shufflenetv2:unit=symmetric,width=1.0": "shufflenet_v2_x1_0",
    "shufflenetv2:unit=symmetric,width=1.5": "shufflenet_v2_x1_5",
    "shufflenetv2:unit=symmetric,width=2.0": "shufflenet_v2_x2_0",
    "squeezenet:version=1.0":                "squeezenet1_0",
    "squeezenet:version=1.1":                "squeezenet1_1",
}
# fmt: on


def printed_figures() -> Iterator[object]:
    """One case for each network and size of image that there are weights for."""
    for name in NAMES:
        figures = {}
        for weights in torchvision.models.get_model_weights(name):
            side = weights.transforms.keywords["crop_size"]
            params_and_giga = (weights.meta["num_params"], weights.meta["_ops"])
            assert figures.setdefault(side, params_and_giga) == params_and_giga
        spec = ":".join(["torchvision", name, *([OPTIONS[name]] if name in OPTIONS else [])])
        for side, (params, giga) in figures.items():
            yield pytest.param(spec, side, params, giga, id=f"{name}-{side}")


def test_these_are_all_of_them() -> None:
    assert len(NAMES) == 80


@pytest.mark.parametrize(("spec", "side", "params", "giga"), list(printed_figures()))
def test_counts_are_those_that_torchvision_prints(spec: str, side: int, params: int, giga: float) -> None:
    result = lwprof.profile(spec, input_size=(3, side, side))
    assert result.coverage.unknown == ()
    assert not result.input_dependent
    assert result.totals.params == params
    assert f"{result.totals.mult_adds / 1e9:.3f}" == f"{giga:.3f}"  # to the digits that it has


@pytest.mark.parametrize(("ours", "theirs"), SAME.items(), ids=SAME)
def test_our_network_has_the_counts_of_theirs(counts, ours: str, theirs: str) -> None:
    assert counts(ours, (3, 224, 224)) == counts(f"torchvision:{theirs}", (3, 224, 224))


def with_random_statistics(network: nn.Module) -> nn.Module:
    """Batch normalisation as after training: variances above and far below the epsilons."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            with torch.no_grad():
                module.running_var.copy_(10 ** torch.empty_like(module.running_var).uniform_(-6, 1))
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
    return network


@pytest.mark.parametrize("images", [
    pytest.param(lambda: photograph("chelsea"), id="cat"), pytest.param(lambda: photograph("coffee"), id="coffee"),
    pytest.param(lambda: torch.randn(2, 3, 160, 160), id="noise"),
])  # fmt: skip
def test_trained_weights_give_the_scores_of_torchvisions_network(images) -> None:
    weights = torchvision_mobilenet_v2()
    theirs, ours = torchvision.models.mobilenet_v2(weights=None), mbv2()
    theirs.load_state_dict(weights)
    ours.load_state_dict(from_torchvision(weights))
    x = images()
    with torch.inference_mode():
        torch.testing.assert_close(ours.eval()(x), theirs.eval()(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("width", [0.35, 1.4])
def test_any_width_gives_the_same_scores_in_double_precision(width: float) -> None:
    theirs = with_random_statistics(torchvision.models.mobilenet_v2(width_mult=width, num_classes=9)).double().eval()
    ours = mbv2(num_classes=9, width=width).double().eval()
    ours.load_state_dict(from_torchvision(theirs.state_dict()))
    x = torch.randn(1, 3, 96, 96, dtype=torch.float64)
    with torch.inference_mode():
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-6, atol=1e-6)
