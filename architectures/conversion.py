"""Trained weights of other libraries, under these networks' names.

torchvision's MobileNetV2 and :func:`~lwprof.architectures.mobilenet_v2.mbv2` are the same network: the same layers
in the same order. Their tensors have other names, and batch normalisation adds another epsilon to the variance:
1e-5 in torchvision, 1e-3 here, as in TensorFlow slim, from which the paper's weights come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from lwprof.architectures.mobilenet_v2 import BOTTLENECKS

TORCHVISION_EPS = 1e-5
SLIM_EPS = 1e-3

# fmt: off
ENDS = {
    # torchvision,   here
    "features.0.0":  "stem.conv",
    "features.0.1":  "stem.norm",
    "features.18.0": "head.conv",
    "features.18.1": "head.norm",
    "classifier.1":  "classifier",
}
EXPANDING = {
    "conv.0.0": "expand.conv",
    "conv.0.1": "expand.norm",
    "conv.1.0": "depthwise.conv",
    "conv.1.1": "depthwise.norm",
    "conv.2":   "project.conv",
    "conv.3":   "project.norm",
}
WITHOUT_EXPANSION = {
    "conv.0.0": "depthwise.conv",
    "conv.0.1": "depthwise.norm",
    "conv.1":   "project.conv",
    "conv.2":   "project.norm",
}
# fmt: on


def from_torchvision(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Turn the ``state_dict`` of torchvision's ``mobilenet_v2``, of any width, into one for ``mbv2``.

    In eval mode the network then gives the same scores: the weight of every batch normalisation is scaled by
    ``sqrt((variance + 1e-3) / (variance + 1e-5))``, which makes up for the other epsilon. Nothing is changed in
    place; tensors that need no change are shared.

    >>> import torch
    >>> from lwprof.architectures import mbv2
    >>> torchvision = torch.load("mobilenet_v2-b0353104.pth", weights_only=True)  # doctest: +SKIP
    >>> mbv2().load_state_dict(from_torchvision(torchvision))  # doctest: +SKIP
    <All keys matched successfully>

    Raises:
        ValueError: the tensors are not those of torchvision's MobileNetV2.
    """
    layers = _layers()
    converted = {}
    for key, tensor in state_dict.items():
        place, _, name = key.rpartition(".")
        if place not in layers:
            raise ValueError(f"{key!r} is no tensor of torchvision's MobileNetV2")
        converted[f"{layers[place]}.{name}"] = tensor
    for place, layer in layers.items():
        if f"{layer}.weight" not in converted:
            raise ValueError(f"'{place}.weight' is missing: these are not the weights of torchvision's MobileNetV2")
        variance = converted.get(f"{layer}.running_var")
        if variance is not None:
            scale = ((variance.double() + SLIM_EPS) / (variance.double() + TORCHVISION_EPS)).sqrt()
            weight = converted[f"{layer}.weight"]
            converted[f"{layer}.weight"] = (weight.double() * scale).to(weight.dtype)
    return converted


def _layers() -> dict[str, str]:
    """Every layer with tensors, torchvision's name first."""
    layers = dict(ENDS)
    expansions = [t for t, _, n, _ in BOTTLENECKS for _ in range(n)]
    for block, expansion in enumerate(expansions):
        parts = WITHOUT_EXPANSION if expansion == 1 else EXPANDING
        layers |= {f"features.{block + 1}.{place}": f"blocks.{block}.{layer}" for place, layer in parts.items()}
    return layers


Conversion = Callable[[Mapping[str, Tensor]], dict[str, Tensor]]

CONVERSIONS: dict[str, tuple[Conversion, ...]] = {"mbv2": (from_torchvision,)}
"""By network of the catalogue, the weights of other libraries that it takes."""
