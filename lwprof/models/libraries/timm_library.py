"""timm: input sizes come from the configuration that it keeps with each network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lwprof.models.libraries.contract import Made, package, sides

USUAL = (3, 224, 224)


class Timm:
    """PyTorch Image Models."""

    name = "timm"
    fetching = ("pretrained", "checkpoint_path")

    def names(self) -> Sequence[str]:
        """Names of its networks, without those of their weights."""
        names: list[str] = package("timm").list_models()
        return names

    def build(self, name: str, options: Mapping[str, Any], size: tuple[int, ...] | None) -> Made:
        """Build a network; one that is made for one size of image is told another one."""
        timm = package("timm")
        config = timm.models.get_pretrained_cfg(name)
        usual = tuple(config.input_size) if config is not None else USUAL
        given = dict(options)
        if "img_size" in given:
            usual = (usual[0], *sides(given["img_size"]))
        elif size is not None and size[1:] != usual[1:] and getattr(config, "fixed_input_size", False):
            given["img_size"] = size[1:]
        wanted = size or (given.get("in_chans", usual[0]), *usual[1:])
        return Made(timm.create_model(name, pretrained=False, **given), wanted)
