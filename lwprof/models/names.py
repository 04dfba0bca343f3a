"""Names: every network that a plain name can mean, whether lwprof, another library or the project has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from lwprof.errors import InputError, about, near
from lwprof.models import aliases, catalog, projects, specs
from lwprof.models.aliases import Alias
from lwprof.models.catalog import Entry
from lwprof.models.projects import ProjectNetwork

Named = Entry | Alias | ProjectNetwork


class Meaning(NamedTuple):
    """What a model spec comes down to once its names are looked up."""

    target: specs.Spec
    """Of the catalogue, a library, a file or a module."""
    label: str
    """Its name in reports."""
    project: ProjectNetwork | None
    """What the project says of it."""


def known() -> Mapping[str, Named]:
    """Every network by its name, aliases of the catalogue left out: the project's first, then the catalogue's.

    Raises:
        InputError: the project's settings are wrong.
    """
    return {**projects.networks(), **catalog.entries(), **aliases.entries()}


def find(name: str, *, project: bool = True) -> Named:
    """Find a network by its name or an alias; case, and "-" for "_", do not matter.

    >>> find("MobileNet-v2").name, find("lcnet").spec
    ('mbv2', 'timm:lcnet_100')

    Args:
        project: whether the project's own names count.

    Raises:
        InputError: there is none; the message names the nearest.
    """
    plain = specs.plain(name)
    own = {specs.plain(key): network for key, network in projects.networks().items()} if project else {}
    if plain in own:
        return own[plain]
    if plain in catalog.names():
        return catalog.find(plain)
    if plain in aliases.entries():
        return aliases.entries()[plain]
    offered = {**dict.fromkeys(aliases.entries(), ""), **catalog.names(), **dict.fromkeys(own, "")}
    meant = {key: value or (own[key].name if key in own else key) for key, value in offered.items()}
    hint = near(plain, meant) or "; 'lwprof list' has them all"
    raise InputError(f"unknown network {name!r}{hint}")


def meaning(parsed: specs.Spec) -> Meaning:
    """Look up what a spec names; options that were typed go before those of a name's own spec.

    Raises:
        InputError: it is a plain name, and there is none such.
    """
    if parsed.kind != "catalogue":
        return Meaning(parsed, f"{parsed.place}:{parsed.name}" if parsed.kind == "library" else parsed.name, None)
    named = find(parsed.place)
    if isinstance(named, ProjectNetwork):
        target = named.parsed()
        return Meaning(_merged(_below(named, target), target, parsed), named.name, named)
    return Meaning(_merged(named, parsed, parsed), named.name, None)


def with_options(name: str, typed: specs.Spec) -> str:
    """The name in reports of a network whose options were typed.

    >>> with_options("mbv2", specs.parse("mobilenet_v2:width=0.5"))
    'mbv2:width=0.5'
    """
    written = ",".join(f"{key}={value}" for key, value in typed.options.items())
    return f"{name}:{written}" if written else name


def _below(own: ProjectNetwork, target: specs.Spec) -> Named | None:
    """What the plain name is that a project's network stands for, if it is one."""
    if target.kind != "catalogue":
        return None
    if specs.plain(target.place) in map(specs.plain, projects.networks()):
        raise InputError(f"{own.label}: {target.place!r} is a name of the project too; write what it stands for")
    with about(own.label):
        return find(target.place, project=False)


def _merged(named: Named | None, target: specs.Spec, typed: specs.Spec) -> specs.Spec:
    """The spec that a name stands for with all options, under the text that was typed."""
    options = {**target.options, **typed.options}
    if isinstance(named, Alias):
        target = specs.parse(named.spec)
        options = {**target.options, **options}
    return replace(target, text=typed.text, options=options)
