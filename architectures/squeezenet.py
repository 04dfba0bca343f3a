"""SqueezeNet: fire modules, which squeeze the channels before the 3x3 convolutions see them.

Paper: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
arXiv 1602.07360; Table 1 and Figure 2. Version 1.1 is the authors' later release.

Published: 1,248,424 parameters, 57.5 % top-1 (Table 1; Table 3 for the bypasses).

Deviations:

- The paper's 224x224 input does not give its 111x111 map after conv1, which has no padding: 227x227 does.
- The authors' Caffe model pads conv10 by 1 and averages a 15x15 map; there is no padding here, as in Table 1.
- The 7.7 MB that the paper prints for the complex bypass are not reached: with it, there are 1,589,672 parameters.
- Initialisation is torch's default, with biases; the paper gives none.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, cat, nn

from lwprof.architectures.blocks import check_options

# fmt: off
FIRES = (
    #          s1x1, e1x1, e3x3
    ("fire2", (16,   64,   64)),
    ("fire3", (16,   64,   64)),
    ("fire4", (32,   128,  128)),
    ("fire5", (32,   128,  128)),
    ("fire6", (48,   192,  192)),
    ("fire7", (48,   192,  192)),
    ("fire8", (64,   256,  256)),
    ("fire9", (64,   256,  256)),
)
VERSIONS = {
    #       conv1: filters, kernel; max-pooling after
    "1.0": (96, 7, ("conv1", "fire4", "fire8")),
    "1.1": (64, 3, ("conv1", "fire3", "fire5")),
}
IDENTITY_BYPASS = ("fire3", "fire5", "fire7", "fire9")
CONV_BYPASS = ("fire2", "fire4", "fire6", "fire8")
BYPASSES = {
    "none": ((), ()),
    "simple": (IDENTITY_BYPASS, ()),
    "complex": (IDENTITY_BYPASS, CONV_BYPASS),
}
# fmt: on


class Fire(nn.Module):
    """1x1 squeeze, then 1x1 and 3x3 expand side by side, all with ReLU; a bypass of the input is added (Figure 1)."""

    def __init__(self, in_channels: int, s1x1: int, e1x1: int, e3x3: int, bypass: nn.Module | None = None) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(in_channels, s1x1, 1)
        self.expand1x1 = nn.Conv2d(s1x1, e1x1, 1)
        self.expand3x3 = nn.Conv2d(s1x1, e3x3, 3, padding=1)
        self.activation = nn.ReLU(inplace=True)
        self.bypass = bypass

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, e1x1 + e3x3, H, W)."""
        squeezed = self.activation(self.squeeze(x))
        expanded = (self.activation(self.expand1x1(squeezed)), self.activation(self.expand3x3(squeezed)))
        out = cat(expanded, dim=1)
        return out if self.bypass is None else out + self.bypass(x)


class SqueezeNet(nn.Module):
    """Convolution, eight fire modules, convolution to the classes, global average pooling."""

    def __init__(self, num_classes: int, version: str, bypass: str) -> None:
        super().__init__()
        check_options(num_classes)
        if str(version) not in VERSIONS:
            raise ValueError(f"version={version!r}: SqueezeNet has the versions 1.0 and 1.1")
        if bypass not in BYPASSES:
            raise ValueError(f"bypass={bypass!r}: the bypass of SqueezeNet is 'none', 'simple' or 'complex'")
        channels, kernel, pooled = VERSIONS[str(version)]
        identities, convolutions = BYPASSES[bypass]

        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["conv1"] = nn.Sequential(nn.Conv2d(3, channels, kernel, stride=2), nn.ReLU(inplace=True))
        if "conv1" in pooled:
            layers["pool1"] = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        for name, (s1x1, e1x1, e3x3) in FIRES:
            shortcut: nn.Module | None = nn.Identity() if name in identities else None
            if name in convolutions:
                shortcut = nn.Conv2d(channels, e1x1 + e3x3, 1)
            layers[name] = Fire(channels, s1x1, e1x1, e3x3, shortcut)
            channels = e1x1 + e3x3
            if name in pooled:
                layers[name.replace("fire", "pool")] = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.features = nn.Sequential(layers)
        self.dropout = nn.Dropout(0.5)
        self.conv10 = nn.Sequential(nn.Conv2d(channels, num_classes, 1), nn.ReLU(inplace=True))
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to class scores (N, num_classes)."""
        x = self.conv10(self.dropout(self.features(x)))
        pooled: Tensor = self.pool(x)
        return pooled.flatten(1)


def squeezenet(num_classes: int = 1000, version: str = "1.0", bypass: str = "none") -> SqueezeNet:
    """Build SqueezeNet ``version`` "1.0" or "1.1" with the ``bypass`` "none", "simple" or "complex"."""
    return SqueezeNet(num_classes, version, bypass)
