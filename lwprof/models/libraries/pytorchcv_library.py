"""pytorchcv: a network says itself what size it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lwprof.models.libraries.contract import Made, package

INSTALLED = "--no-deps "
"""How: it asks for a torchvision that it does not need, and that for another torch."""


class Pytorchcv:
    """Convolutional neural networks for computer vision."""

    name = "pytorchcv"
    fetching = ("pretrained", "root")

    def names(self) -> Sequence[str]:
        """Names of all its networks."""
        return tuple(package("pytorchcv.model_provider", INSTALLED)._models)

    def build(self, name: str, options: Mapping[str, Any], size: tuple[int, ...] | None) -> Made:
        """Build a network, for another size than its own where that is given."""
        given = dict(options)
        if size is not None:
            given.setdefault("in_size", size[1:])
        module = package("pytorchcv.model_provider", INSTALLED).get_model(name, pretrained=False, **given)
        usual = (getattr(module, "in_channels", 3), *getattr(module, "in_size", (224, 224)))
        return Made(module, size or usual)
