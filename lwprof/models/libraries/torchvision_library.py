"""torchvision: input sizes and published figures come from what it says of its trained weights."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lwprof.models.libraries.contract import Made, package, sides
from lwprof.results.networks import Published

if TYPE_CHECKING:
    from torch import nn

USUAL = (224, 224)
FRAMES = 16
"""Of a clip, where a network for videos does not say."""
SIZED = {"vit_": "image_size", "maxvit_": "input_size"}
"""Builders that make the network for one size of image, by the start of their name: the option that says which."""
IMAGENET = "ImageNet-1K"
HARMLESS = {"aux_logits"}
"""Options that change neither what a network computes nor what it costs, but for parameters that may count or not."""


class Torchvision:
    """torchvision.models."""

    name = "torchvision"
    fetching = ("weights", "weights_backbone", "pretrained", "pretrained_backbone")

    def names(self) -> Sequence[str]:
        """Names of all its networks."""
        names: list[str] = package("torchvision.models").list_models()
        return names

    def build(self, name: str, options: Mapping[str, Any], size: tuple[int, ...] | None) -> Made:
        """Build a network; one that is made for one size of image is told that of its trained weights, or another."""
        models = package("torchvision.models")
        builder = models.get_model_builder(name)
        trained = list(_trained(models, name))
        usual = _size(trained[0]) if trained else (3, *USUAL)
        given: dict[str, Any] = {"weights": None, **options}
        if "weights_backbone" in inspect.signature(builder).parameters:
            given["weights_backbone"] = None  # else one is downloaded
        option = next((option for start, option in SIZED.items() if name.startswith(start)), None)
        if option in given:
            usual = (usual[0], *sides(given[option]))
        wanted = size or usual
        if option is not None and option not in given:
            given[option] = wanted[1] if option == "image_size" else wanted[1:]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of another initialisation in a later version
            module = builder(**given)
        return Made(module, wanted, _published(trained, wanted, module) if options.keys() <= HARMLESS else None)


def _trained(models: Any, name: str) -> Iterator[Any]:
    """Everything that is said of the trained weights of a network: of the default ones first."""
    known = models.get_model_weights(name)
    default = getattr(known, "DEFAULT", None)
    if default is not None:
        yield default
    yield from (weights for weights in known if weights is not default)


def _size(weights: Any) -> tuple[int, ...]:
    """Size of the images that the weights are for."""
    crop = getattr(weights.transforms, "keywords", {}).get("crop_size", USUAL)
    time = (weights.meta.get("min_temporal_size", FRAMES),) if "Kinetics" in str(weights.meta.get("_metrics")) else ()
    return (3, *time, *sides(crop))


def _published(trained: Sequence[Any], size: tuple[int, ...], module: nn.Module) -> Published | None:
    """What is published of the first of the trained weights that are for this network and images of this size."""
    params = sum(parameter.numel() for parameter in module.parameters())
    for weights in trained:
        figures = weights.meta.get("_metrics", {}).get(IMAGENET)
        if figures and _size(weights) == size and weights.meta.get("num_params") == params:
            giga = weights.meta.get("_ops")
            return Published(
                figures.get("acc@1"),
                params / 1e6,
                None if giga is None else round(giga * 1e3, 3),
                f"torchvision {weights.name}",
            )
    return None
