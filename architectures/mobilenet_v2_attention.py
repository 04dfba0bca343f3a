"""MobileNetV2 with attention: a block after the depthwise convolution of every inverted residual that expands.

Paper: Hou et al., "Coordinate Attention for Efficient Mobile Network Design", arXiv 2103.02907, which compares
squeeze-and-excite, CBAM and coordinate attention there; ``attention.py`` names the papers of the blocks themselves.

Published: 3.95M parameters, 310M mult-adds, 74.3 % top-1 with coordinate attention at width 1.0 and 224x224; 3.89M,
300M, 73.5 % with squeeze-and-excite and 73.6 % with CBAM.

Deviations:

- The reduction of squeeze-and-excite and of CBAM is 24, with which both have the printed 3.89M parameters.
- ECA, shuffle and triplet attention have no published figures at this place: the authors of the first and of the last
  put them after the projection of MobileNetV2.
- Shuffle attention has the most groups, up to the 64 of its paper, that are a power of two and divide the channels.
- The figures at widths 0.75 and 0.5 were not checked against the paper.
- Dropout is 0.1 with coordinate attention, as in its authors' code, and the 0.2 of MobileNetV2 with the others. Batch
  normalisation and initialisation are those of MobileNetV2 here, where that code has torch's batch normalisation.
"""

from __future__ import annotations

from math import gcd

from lwprof.architectures.attention import (
    CBAM,
    ECA,
    CoordinateAttention,
    ShuffleAttention,
    SqueezeExcite,
    TripletAttention,
)
from lwprof.architectures.mobilenet_v2 import MobileNetV2

REDUCTION = 24  # of squeeze-and-excite and CBAM
GROUPS = 64  # of shuffle attention, at most


def mbv2_se(num_classes: int = 1000, width: float = 1.0) -> MobileNetV2:
    """Build MobileNetV2 with squeeze-and-excite."""
    return MobileNetV2(num_classes, width, lambda channels: SqueezeExcite(channels, channels // REDUCTION))


def mbv2_cbam(num_classes: int = 1000, width: float = 1.0) -> MobileNetV2:
    """Build MobileNetV2 with CBAM."""
    return MobileNetV2(num_classes, width, lambda channels: CBAM(channels, channels // REDUCTION))


def mbv2_eca(num_classes: int = 1000, width: float = 1.0) -> MobileNetV2:
    """Build MobileNetV2 with efficient channel attention."""
    return MobileNetV2(num_classes, width, ECA)


def mbv2_triplet(num_classes: int = 1000, width: float = 1.0) -> MobileNetV2:
    """Build MobileNetV2 with triplet attention."""
    return MobileNetV2(num_classes, width, lambda _: TripletAttention())


def mbv2_sa(num_classes: int = 1000, width: float = 1.0) -> MobileNetV2:
    """Build MobileNetV2 with shuffle attention."""
    return MobileNetV2(num_classes, width, lambda channels: ShuffleAttention(channels, gcd(channels // 2, GROUPS)))


def mbv2_ca(num_classes: int = 1000, width: float = 1.0) -> MobileNetV2:
    """Build MobileNetV2 with coordinate attention."""
    return MobileNetV2(num_classes, width, CoordinateAttention, dropout=0.1)
