"""The catalogue: every network that lwprof builds, its exact counts and its published figures.

Read from ``catalog.toml`` beside the networks, without importing them or torch.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lwprof.errors import InputError, near
from lwprof.models.specs import plain
from lwprof.results.networks import IMAGENET, Published

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Option:
    """A keyword argument of a network's builder."""

    name: str
    default: Value
    choices: tuple[Value, ...] | None = None
    """``None`` where the values cannot be listed."""
    help: str = ""


@dataclass(frozen=True, slots=True)
class Variant:
    """Exact counts of a network with these options (those left out at their defaults) at this resolution."""

    label: str
    """Its model spec, such as ``mbv2:width=0.75``."""
    options: Mapping[str, Value]
    resolution: int
    params: int
    mult_adds: int
    additions: int = 0
    """Of adder layers, which multiply nothing."""


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """What a source prints for one variant; figures as printed, so that their last digit is known."""

    options: Mapping[str, Value]
    resolution: int
    params_millions: str | None
    mult_adds_millions: str | None
    top1: float | None
    source: str
    note: str = ""
    deviations: Mapping[str, str] = field(default_factory=dict)
    """Why a figure ("params" or "mult_adds") disagrees with the exact count."""

    def disagreements(self, variant: Variant) -> tuple[str, ...]:
        """Name the printed figures that are more than one unit of their last digit from the exact ones."""
        figures = {
            "params": (self.params_millions, variant.params),
            "mult_adds": (self.mult_adds_millions, variant.mult_adds),
        }
        return tuple(name for name, (text, count) in figures.items() if text is not None and not _agrees(text, count))


@dataclass(frozen=True, slots=True)
class Entry:
    """One network of the catalogue."""

    name: str
    aliases: tuple[str, ...]
    title: str
    builder: str
    """``file:function`` within ``lwprof.architectures``."""
    family: str
    year: int
    paper: str
    summary: str
    block: str
    """Class of the building block."""
    resolution: int
    min_resolution: int
    """The smallest square image that the network runs on with all its options."""
    options: tuple[Option, ...]
    variants: tuple[Variant, ...]
    """The one at the defaults first."""
    published: tuple[PublishedRow, ...]
    """The paper's rows first, then the authors' releases, then reproductions."""
    dataset: str = IMAGENET
    """What the published top-1 was measured on."""

    @property
    def params(self) -> int:
        """Exact parameters at the defaults."""
        return self.variants[0].params

    @property
    def mult_adds(self) -> int:
        """Exact mult-adds of one image at the defaults."""
        return self.variants[0].mult_adds

    def variant_for(self, options: Mapping[str, object], resolution: int) -> Variant | None:
        """Find the exact counts for ``options`` (defaults may be left out) at ``resolution``, if listed."""
        asked = self._complete(options), resolution
        return next((v for v in self.variants if (self._complete(v.options), v.resolution) == asked), None)

    def published_for(self, options: Mapping[str, object], resolution: int) -> Published | None:
        """Find what is published for ``options`` (defaults may be left out) at ``resolution``: the first row of it."""
        asked = self._complete(options), resolution
        for row in self.published:
            if (self._complete(row.options), row.resolution) == asked:
                figures = row.top1, _number(row.params_millions), _number(row.mult_adds_millions)
                return Published(*figures, row.source, self.dataset)
        return None

    def _complete(self, options: Mapping[str, object]) -> dict[str, object]:
        return {**{option.name: option.default for option in self.options}, **options}


def folder() -> Path:
    """Folder of the networks' files, found without importing them."""
    package = find_spec("lwprof.architectures")  # importing it would import torch
    if package is None or not package.submodule_search_locations:
        raise InputError("lwprof's networks are missing; install lwprof again")
    return Path(package.submodule_search_locations[0])


@cache
def entries() -> Mapping[str, Entry]:
    """Every network by name, in the order of the catalogue."""
    with (folder() / "catalog.toml").open("rb") as file:
        tables = tomllib.load(file)
    return MappingProxyType({name: _entry(name, table) for name, table in tables.items()})


@cache
def names() -> Mapping[str, str]:
    """Every name and alias, with the name of the network that it means.

    >>> names()["mobilenet_v2"]
    'mbv2'
    """
    found = {alias: entry.name for entry in entries().values() for alias in (entry.name, *entry.aliases)}
    return MappingProxyType(found)


def find(name: str) -> Entry:
    """Find a network by its name or an alias; case, and "-" for "_", do not matter.

    >>> find("MobileNet-v2").name
    'mbv2'

    Raises:
        InputError: there is none; the message names the nearest.
    """
    word = plain(name)
    if word in names():
        return entries()[names()[word]]
    hint = near(word, names()) or f"; there are {', '.join(entries())}"
    raise InputError(f"unknown network {name!r}{hint}")


def _entry(name: str, table: Mapping[str, Any]) -> Entry:
    classes = Option("num_classes", table["num_classes"], None, "outputs of the classifier")
    options = (classes, *(_option(**option) for option in table.get("options", ())))
    known = {option.name for option in options}

    def split(row: Mapping[str, Any]) -> tuple[dict[str, Value], dict[str, Any]]:
        """Part a row into the builder's options and the rest."""
        return {k: v for k, v in row.items() if k in known}, {k: v for k, v in row.items() if k not in known}

    variants = []
    for row in table["variants"]:
        chosen, counts = split(row)
        for resolution, mult_adds in counts["mult_adds"].items():
            label = _label(name, chosen, int(resolution), table["resolution"])
            additions = counts.get("additions", {}).get(resolution, 0)
            exact = counts["params"], mult_adds, additions
            variants.append(Variant(label, MappingProxyType(chosen), int(resolution), *exact))

    published = []
    for group in table.get("published", ()):
        for row in group["rows"]:
            chosen, figures = split({"resolution": table["resolution"], **group, **row})
            figures.pop("rows")
            figures["deviations"] = {**group.get("deviations", {}), **row.get("deviations", {})}
            published.append(_published(MappingProxyType(chosen), **figures))

    direct = {k: v for k, v in table.items() if k not in ("num_classes", "options", "variants", "published", "aliases")}
    return Entry(
        name=name,
        aliases=tuple(table["aliases"]),
        options=options,
        variants=tuple(variants),
        published=tuple(published),
        **direct,
    )


def _option(name: str, default: Value, help: str, choices: list[Value] | None = None) -> Option:
    return Option(name, default, tuple(choices) if choices else None, help)


def _published(
    options: Mapping[str, Value],
    resolution: int,
    source: str,
    params: str | None = None,
    mult_adds: str | None = None,
    top1: float | None = None,
    note: str = "",
    deviations: Mapping[str, str] = MappingProxyType({}),
) -> PublishedRow:
    return PublishedRow(options, resolution, params, mult_adds, top1, source, note, deviations)


def _label(name: str, options: Mapping[str, Value], resolution: int, usual: int) -> str:
    shown = dict(options) if resolution == usual else {**options, "resolution": resolution}
    return f"{name}:{','.join(f'{key}={value}' for key, value in shown.items())}" if shown else name


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _agrees(printed: str, exact: int) -> bool:
    """Whether ``printed`` millions are within one unit of their last digit of ``exact``.

    >>> _agrees("3.4", 3_470_760), _agrees("3.47", 3_504_872)
    (True, False)
    """
    millions = Decimal(printed)
    unit = Decimal(1).scaleb(int(millions.as_tuple().exponent))
    return abs(Decimal(exact) / 1_000_000 - millions) <= unit
