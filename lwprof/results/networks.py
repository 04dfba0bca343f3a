"""Networks: which one was looked at, with which inputs, and what is published of it."""

from __future__ import annotations

from dataclasses import dataclass

IMAGENET = "ImageNet"
"""The data set that published accuracies are of unless they say otherwise."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Shape and dtype of one input."""

    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class Model:
    """Which network was looked at, and with which inputs."""

    name: str
    spec: str
    inputs: tuple[TensorSpec, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """What the network's authors print for this variant."""

    top1: float | None
    params_millions: float | None
    mult_adds_millions: float | None
    source: str = ""
    dataset: str = IMAGENET
    """What ``top1`` was measured on."""
