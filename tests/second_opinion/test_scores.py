"""The same weights in our network and in a library's: the same scores, so what counts do not show is the same, too.

Where activations stand, what is added, gated, pooled or shuffled, and in which order channels are joined.
"""

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import nn

import lwprof

WEIGHTED = (nn.Conv2d, nn.Linear, nn.BatchNorm2d)

# fmt: off
SAME: dict[str, tuple[str, dict[str, Any]]] = {
    "mbv1":                          ("timm:mobilenetv1_100", {"act_layer": nn.ReLU}),
    "mbv2":                          ("torchvision:mobilenet_v2", {}),
    "mbv2:width=0.5":                ("timm:mobilenetv2_050", {}),
    "mbv2:width=1.4":                ("timm:mobilenetv2_140", {}),
    "mbv3_small":                    ("torchvision:mobilenet_v3_small", {}),
    "mbv3_small:width=0.75":         ("timm:mobilenetv3_small_075", {}),
    "mbv3_large":                    ("torchvision:mobilenet_v3_large", {}),
    "mbv3_large:width=0.75":         ("timm:mobilenetv3_large_075", {}),
    "shufflenetv2:unit=symmetric":   ("torchvision:shufflenet_v2_x1_0", {}),
    "squeezenet":                    ("torchvision:squeezenet1_0", {}),
    "squeezenet:version=1.1":        ("torchvision:squeezenet1_1", {}),
    "ghostnet":                      ("timm:ghostnet_100", {}),
    "ghostnet:width=1.3":            ("timm:ghostnet_130", {}),
    "xception":                      ("timm:legacy_xception", {}),
}
# fmt: on


def prepared(network: nn.Module) -> nn.Module:
    """Give every layer weights and statistics that matter, in double precision."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-3
            nn.init.normal_(module.running_mean, std=0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.normal_(module.weight, 1, 0.2)
            nn.init.normal_(module.bias, std=0.3)
        elif isinstance(module, WEIGHTED):
            nn.init.normal_(module.weight, std=(2 / module.weight[0].numel()) ** 0.5)
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.1)
    return network.double().eval()


def as_run(network: nn.Module, images: torch.Tensor) -> list[nn.Module]:
    """The layers with weights, in the order of one call."""
    layers: list[nn.Module] = []
    hooks = [
        module.register_forward_hook(lambda module, _, __: layers.append(module))
        for module in network.modules()
        if isinstance(module, WEIGHTED)
    ]
    with torch.inference_mode():
        network(images)
    for hook in hooks:
        hook.remove()
    return layers


@pytest.mark.parametrize(("ours", "theirs", "options"), [(key, *value) for key, value in SAME.items()], ids=SAME)
def test_scores_are_those_of_the_library(ours: str, theirs: str, options: dict[str, Any]) -> None:
    library, _, name = theirs.partition(":")
    other = timm.create_model(name, **options) if library == "timm" else torchvision.models.get_model(name)
    network, other = prepared(lwprof.build(ours)), prepared(other)
    images = torch.randn(2, 3, 160, 160, dtype=torch.float64)
    for here, there in zip(as_run(network, images), as_run(other, images), strict=True):
        state = {key: tensor.view_as(here.state_dict()[key]) for key, tensor in there.state_dict().items()}
        here.load_state_dict(state)
    with torch.inference_mode():
        torch.testing.assert_close(network(images), other(images), rtol=1e-9, atol=1e-9)
