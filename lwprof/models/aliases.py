"""Aliases: names for networks that other libraries build.

Read from ``aliases.toml`` beside the catalogue, without importing those libraries or torch.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from lwprof.models import catalog


@dataclass(frozen=True, slots=True)
class Alias:
    """A name, and the network of a library that it stands for."""

    name: str
    spec: str
    """Such as ``timm:lcnet_100``."""
    title: str
    family: str
    year: int
    paper: str

    @property
    def library(self) -> str:
        """The library that has to be installed."""
        return self.spec.partition(":")[0]


@cache
def entries() -> Mapping[str, Alias]:
    """Every alias by name, in the order of the table.

    >>> entries()["lcnet"].spec, entries()["lcnet"].library
    ('timm:lcnet_100', 'timm')
    """
    with (catalog.folder() / "aliases.toml").open("rb") as file:
        tables = tomllib.load(file)["network"]
    found: dict[str, Alias] = {}
    for table in tables:
        for name, spec in table["names"].items():
            found[name] = Alias(name, spec, table["title"], table["family"], table["year"], table["paper"])
    return MappingProxyType(found)
