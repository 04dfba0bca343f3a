"""Table 8 of the ShuffleNetV2 paper (arXiv 1807.11164): those of its networks that the catalogue has."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A row of the paper's Table 8; groups are the table's parts, of like mult-adds."""

    group: str
    network: str
    spec: str
    """As the catalogue names it."""
    mflops: int
    batches_per_s: float
    """On the GPU, of 8 images."""
    images_per_s: float
    """On the ARM core, one by one."""


# fmt: off
TABLE_8 = (
    #   group   network                     catalogue                           MFLOPs  GPU   ARM
    Row("40M",  "ShuffleNet v2 0.5x",       "shufflenetv2:width=0.5",               41, 417, 57.0),
    Row("40M",  "0.25 MobileNet v1",        "mbv1:width=0.25",                      41, 502, 36.4),
    Row("40M",  "0.4 MobileNet v2 [160]",   "mbv2:width=0.4,resolution=160",        43, 333, 33.2),
    Row("40M",  "ShuffleNet v1 0.5x",       "shufflenetv1:width=0.5",               38, 347, 56.8),
    Row("40M",  "Xception 0.5x",            "xception_light:width=0.5",             40, 384, 52.9),
    Row("140M", "ShuffleNet v2 1x",         "shufflenetv2",                        146, 341, 24.4),
    Row("140M", "0.5 MobileNet v1",         "mbv1:width=0.5",                      149, 382, 16.5),
    Row("140M", "0.75 MobileNet v2 [192]",  "mbv2:width=0.75,resolution=192",      145, 235, 15.9),
    Row("140M", "0.6 MobileNet v2",         "mbv2:width=0.6",                      141, 249, 14.9),
    Row("140M", "ShuffleNet v1 1x",         "shufflenetv1",                        140, 213, 21.8),
    Row("140M", "Xception 1x",              "xception_light",                      145, 278, 19.5),
    Row("300M", "ShuffleNet v2 1.5x",       "shufflenetv2:width=1.5",              299, 255, 11.8),
    Row("300M", "0.75 MobileNet v1",        "mbv1:width=0.75",                     325, 314, 10.6),
    Row("300M", "1.0 MobileNet v2",         "mbv2",                                300, 180,  8.9),
    Row("300M", "ShuffleNet v1 1.5x",       "shufflenetv1:width=1.5",              292, 164, 10.3),
    Row("300M", "Xception 1.5x",            "xception_light:width=1.5",            305, 219, 10.5),
    Row("500M", "ShuffleNet v2 2x",         "shufflenetv2:width=2.0",              591, 217,  6.7),
    Row("500M", "1.0 MobileNet v1",         "mbv1",                                569, 247,  6.5),
    Row("500M", "1.4 MobileNet v2",         "mbv2:width=1.4",                      585, 137,  5.4),
    Row("500M", "ShuffleNet v1 2x",         "shufflenetv1:width=2.0",              524, 133,  6.4),
    Row("500M", "Xception 2x",              "xception_light:width=2.0",            525, 174,  6.7),
    Row("500M", "ShuffleNet v2 2x, SE",     "shufflenetv2:width=2.0,squeeze_excite=true", 597, 161, 5.6),
)
"""A network is the paper's where its mult-adds are within 10 % of the printed ones: 0.15 MobileNet v2, whose channels
the paper does not print, has 22 % fewer in the catalogue, and is left out."""
# fmt: on
