"""Every network of the catalogue, built and run; a new one is covered by its entry alone."""

from __future__ import annotations

import importlib
import inspect
import itertools
import math
from collections.abc import Iterator
from functools import cache

import pytest
import torch
from torch import nn

import lwprof
from lwprof import architectures, catalog

ENTRIES = catalog.entries()


def builder(entry: catalog.Entry):
    file, _, function = entry.builder.partition(":")
    return getattr(importlib.import_module(f"lwprof.architectures.{file}"), function)


def options_and_variants() -> Iterator[object]:
    """One case for each set of options, with the variants of it at one resolution or another."""
    for entry in ENTRIES.values():
        variants = sorted(entry.variants, key=lambda variant: sorted(variant.options.items()))
        for options, group in itertools.groupby(variants, key=lambda variant: dict(variant.options)):
            written = ",".join(f"{key}={value}" for key, value in options.items())
            yield pytest.param(entry, options, list(group), id=f"{entry.name}:{written}")


@cache
def default_network(entry_name: str) -> nn.Module:
    return builder(ENTRIES[entry_name])().eval()


every_network = pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
every_variant = pytest.mark.parametrize(("entry", "options", "variants"), list(options_and_variants()))


@every_variant
def test_counts_are_exact_and_nothing_is_unknown(entry, options, variants) -> None:
    with torch.device("meta"):  # no weights to fill
        network = builder(entry)(**options)
    assert sum(parameter.numel() for parameter in network.parameters()) == variants[0].params
    for variant in variants:
        result = lwprof.profile(network, input_size=(3, variant.resolution, variant.resolution))
        assert result.coverage.unknown == ()
        assert (result.totals.params, result.totals.mult_adds) == (variant.params, variant.mult_adds), variant.label


@pytest.mark.slow
@every_variant
def test_it_trains(entry, options, variants) -> None:
    network = builder(entry)(num_classes=7, **options).train()
    side = max(entry.min_resolution, 33)
    scores = network(torch.rand(2, 3, side, side))
    assert scores.shape == (2, 7)
    scores.sum().backward()
    without = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert without == []


@every_network
def test_a_spec_gives_the_default_network(entry) -> None:
    totals = lwprof.profile(entry.name).totals
    assert (totals.params, totals.mult_adds) == (entry.params, entry.mult_adds)


@every_network
def test_scores_at_the_default_at_another_and_at_the_smallest_resolution(entry) -> None:
    network = default_network(entry.name)
    for height, width in ((entry.resolution,) * 2, (160, 129), (entry.min_resolution,) * 2):
        with torch.inference_mode():
            scores = network(torch.rand(1, 3, height, width))
        assert scores.shape == (1, entry.options[0].default)
        assert scores.isfinite().all()


@every_network
def test_smaller_than_the_smallest_resolution_does_not_run(entry) -> None:
    side = entry.min_resolution - 1
    with pytest.raises(RuntimeError), torch.inference_mode():
        default_network(entry.name)(torch.rand(1, 3, side, side))


@every_network
def test_options_are_the_builders_arguments(entry) -> None:
    arguments = {name: argument.default for name, argument in inspect.signature(builder(entry)).parameters.items()}
    assert {option.name: option.default for option in entry.options} == arguments


@every_network
def test_the_building_block_is_found(entry) -> None:
    blocks = lwprof.profile(default_network(entry.name), input_size=(3, 64, 64)).fragmentation.blocks
    assert entry.block in {block.type for block in blocks}


@every_network
def test_impossible_options_are_refused_in_a_sentence(entry) -> None:
    refused = [("num_classes", value) for value in (0, -1, 2.5, True)]
    for option in entry.options:
        if option.name == "width":
            refused += [("width", value) for value in (0, -0.5, math.nan, math.inf, "wide")]
        if option.choices:
            refused += [(option.name, "none of them"), (option.name, 77)]
    for name, value in refused:
        with pytest.raises(ValueError, match=rf"^{name}=.*: .{{20}}"):
            builder(entry)(**{name: value})


def test_all_networks_are_exported() -> None:
    functions = {entry.builder.partition(":")[2] for entry in ENTRIES.values()}
    assert functions == set(architectures.__all__)
    for name in functions:
        assert callable(getattr(architectures, name))


@every_network
def test_blocks_are_modules_of_their_own(entry) -> None:
    """A Sequential would be taken for a container, not for a block."""
    blocks = [module for module in default_network(entry.name).modules() if type(module).__name__ == entry.block]
    assert len(blocks) > 1
    assert not any(isinstance(block, nn.Sequential) for block in blocks)
