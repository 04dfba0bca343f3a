"""Tables 1 to 4 of the ShuffleNetV2 paper, as it prints them.

Paper: Ma, Zhang, Zheng, Sun, "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design", 2018,
arXiv 1807.11164. Speeds are batches a second on a GPU and images a second on an ARM core; the right halves of
Tables 2 to 4 are headed "CPU", and are of the same core as the "ARM" of Table 1.
"""

from __future__ import annotations

GPU, ARM = SIDES = ("GPU", "ARM")
DEVICES = {GPU: "GTX 1080Ti", ARM: "Snapdragon 810, one thread"}
UNITS = {GPU: "batches/s", ARM: "images/s"}

IMAGE = 56
"""Height and width of the input of Tables 1 to 3."""
REPEATED = 10
"""Times that each building block is stacked."""

MULTIPLIERS = {"x1": 1, "x2": 2, "x4": 4}
"""Columns of Tables 1 and 2: what the channel numbers of the first one are multiplied by."""
C_GPU_3, C_ARM_3 = (128, 256, 512), (64, 128, 256)
"""Columns of Table 3: channels of the 1-fragment form."""
C_4 = (32, 64, 128)
"""Columns of Table 4: channels in the unit, on both sides."""

# fmt: off
TABLE_1 = (
    # c1:c2    GPU (c1,c2)      x1    x2   x4    ARM (c1,c2)    x1    x2   x4
    ("1:1",    (128, 128),  (1480,  723, 232),      (32,  32), (76.2, 21.7, 5.3)),
    ("1:2",    ( 90, 180),  (1296,  586, 206),      (22,  44), (72.9, 20.5, 5.1)),
    ("1:6",    ( 52, 312),  ( 876,  489, 189),      (13,  78), (69.1, 17.9, 4.6)),
    ("1:12",   ( 36, 432),  ( 748,  392, 163),      ( 9, 108), (57.6, 15.1, 4.4)),
)
"""G1: blocks of two 1x1 convolutions, c1 to c2 and c2 to c1."""

TABLE_2 = (
    # g    GPU c       x1    x2   x4    ARM c      x1    x2   x4
    (1,      128,  (2451, 1289, 437),      64,  (40.0, 10.2, 2.3)),
    (2,      180,  (1725,  873, 341),      90,  (35.0,  9.5, 2.2)),
    (4,      256,  (1026,  644, 338),     128,  (32.9,  8.7, 2.1)),
    (8,      360,  ( 634,  445, 230),     180,  (27.8,  7.5, 1.8)),
)
"""G2: 1x1 group convolutions, c to c in g groups."""

TABLE_3 = (
    #                       GPU c=128  256  512    ARM c=64  128  256
    ("1-fragment",             (2446, 1274, 434),     (40.2, 10.1, 2.3)),
    ("2-fragment-series",      (1790,  909, 336),     (38.6, 10.1, 2.2)),
    ("4-fragment-series",      ( 752,  745, 349),     (38.4, 10.1, 2.3)),
    ("2-fragment-parallel",    (1537,  803, 320),     (33.4,  9.1, 2.2)),
    ("4-fragment-parallel",    ( 691,  572, 292),     (35.0,  8.4, 2.1)),
)
"""G3: blocks of one to four 1x1 convolutions."""

TABLE_4 = (
    # ReLU   short-cut   GPU c=32   64  128    ARM c=32   64  128
    (True,   True,         (2427, 2066, 1436),   (56.7, 16.9, 5.0)),
    (True,   False,        (2647, 2256, 1735),   (61.9, 18.8, 5.2)),
    (False,  True,         (2672, 2121, 1458),   (57.3, 18.2, 5.1)),
    (False,  False,        (2842, 2376, 1782),   (66.3, 20.2, 5.4)),
)
"""G4: ResNet's bottleneck unit, without its ReLU or its short-cut."""
# fmt: on
