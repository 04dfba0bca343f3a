"""Every network of the catalogue, built and run; a new one is covered by its entry alone.

Shapes and counts are looked at without values: of every variant at its first resolution at once, at its others among
the slow tests. Weights, gradients and values are looked at on a small image: of one light network a file at once, of
every other network and variant among the slow tests.
"""

from __future__ import annotations

import copy
import importlib
import inspect
import io
import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import lwprof
from lwprof import architectures
from lwprof.models import catalog

ENTRIES = catalog.entries()

Options = Mapping[str, Any]

_LIGHT = [entry for entry in ENTRIES.values() if entry.params < 10_000_000]
QUICK = frozenset({entry.builder.partition(":")[0]: entry.name for entry in reversed(_LIGHT)}.values())
"""Networks that are run with weights in the quick part of the tests: one light one of each file."""


def builder(entry: catalog.Entry):
    file, _, function = entry.builder.partition(":")
    return getattr(importlib.import_module(f"lwprof.architectures.{file}"), function)


def built(entry: catalog.Entry, options: Options, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return builder(entry)(**options)


@cache
def default_network(name: str) -> nn.Module:
    """Shared by the tests: they look and do not touch."""
    return built(ENTRIES[name], {}, seed=1).eval()


@cache
def without_weights(name: str, **options: Any) -> nn.Module:
    with torch.device("meta"):
        return builder(ENTRIES[name])(**options).eval()


def output_shape(network: nn.Module, height: int, width: int) -> tuple[int, ...]:
    """Shape of the scores of one image."""
    (shape,) = lwprof.profile(network, input_size=(3, height, width)).layers[0].output_shapes
    return shape


def scores(network: nn.Module, images: Tensor) -> Tensor:
    with torch.inference_mode():
        return network(images)


def small_images(entry: catalog.Entry, batch: int = 2) -> Tensor:
    side = max(entry.min_resolution, 33)
    return torch.rand(batch, 3, side, side, generator=torch.Generator().manual_seed(0))


def take_statistics(network: nn.Module, images: Tensor) -> None:
    """Set batch normalisation to these images: a fresh AdderNet is silent without."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(images)
    network.eval()


def cases() -> Iterator[tuple[catalog.Entry, Options, list[catalog.Variant]]]:
    """Each set of options once, the defaults first, with the variants of it at one resolution or another."""
    for entry in ENTRIES.values():
        groups: dict[tuple[tuple[str, Any], ...], list[catalog.Variant]] = {}
        for variant in entry.variants:
            groups.setdefault(tuple(sorted(variant.options.items())), []).append(variant)
        for options, variants in groups.items():
            yield entry, dict(options), variants


def case_id(entry: catalog.Entry, options: Options) -> str:
    return f"{entry.name}:{','.join(f'{key}={value}' for key, value in options.items())}"


slow = pytest.mark.slow
every_network = pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
every_variant = pytest.mark.parametrize(
    ("entry", "options", "variants"),
    [
        pytest.param(entry, options, variants, id=case_id(entry, options), marks=slow if options else ())
        for entry, options, variants in cases()
    ],
)
every_variant_with_weights = pytest.mark.parametrize(
    ("entry", "options"),
    [
        pytest.param(
            entry, options, id=case_id(entry, options), marks=slow if options or entry.name not in QUICK else ()
        )
        for entry, options, _ in cases()
    ],
)


@every_variant
def test_counts_are_exact_and_nothing_is_unknown(entry, options, variants) -> None:
    check_counts(entry, options, variants[0])


@slow
@every_variant
def test_counts_are_exact_at_every_resolution(entry, options, variants) -> None:
    for variant in variants[1:]:
        check_counts(entry, options, variant)
    network = without_weights(entry.name, **options)
    assert output_shape(network, entry.min_resolution, entry.min_resolution)[0] == 1


def check_counts(entry: catalog.Entry, options: Options, variant: catalog.Variant) -> None:
    result = lwprof.profile(variant.label)
    assert result.model.inputs[0].shape == (1, 3, variant.resolution, variant.resolution)
    assert result.coverage.unknown == ()
    counted = (result.totals.params, result.totals.mult_adds, result.totals.additions)
    assert counted == (variant.params, variant.mult_adds, variant.additions), variant.label
    assert result.layers[0].output_shapes == ((1, options.get("num_classes", entry.options[0].default)),)


@slow
@every_variant_with_weights
def test_a_seed_decides_all_weights_and_a_state_dict_carries_them(entry, options) -> None:
    network, other = built(entry, options, seed=1), built(entry, options, seed=2)
    again = built(entry, options, seed=1) if options else default_network(entry.name)
    weights, same = network.state_dict(), again.state_dict()
    assert [key for key in weights if not torch.equal(weights[key], same[key])] == []
    images = small_images(entry)
    take_statistics(network, images)
    expected = scores(network, images)
    assert not torch.equal(scores(other.eval(), images), expected)
    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(scores(other, images), expected)


@pytest.mark.slow
@every_variant_with_weights
def test_gradients_reach_every_parameter(entry, options) -> None:
    network = built(entry, options, seed=1) if options else copy.deepcopy(default_network(entry.name))
    given = network.train()(small_images(entry))
    (given * torch.rand_like(given)).sum().backward()
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    assert [name for name, gradient in gradients.items() if gradient is None or not gradient.isfinite().all()] == []


@every_network
@pytest.mark.slow
def test_it_runs_at_any_resolution_and_with_any_number_of_classes(entry) -> None:
    classes = 1000 if entry.dataset == "ImageNet" else 10
    for height, width in ((224, 224), (160, 129)):
        assert output_shape(without_weights(entry.name), height, width) == (1, classes)
    assert output_shape(without_weights(entry.name, num_classes=7), 64, 64) == (1, 7)


@slow
@pytest.mark.parametrize("name", ENTRIES)
def test_scores_are_numbers_and_those_of_an_image_its_own(name) -> None:
    entry = ENTRIES[name]
    network = copy.deepcopy(default_network(entry.name))
    images = small_images(entry, batch=3)
    take_statistics(network, images)
    together = scores(network, images)
    assert together.isfinite().all()
    assert together.std() > 0
    alone = scores(network, images[1:2])
    assert (alone - together[1:2]).abs().max() < 0.02 * together.std()  # sums of another order
    assert scores(network, torch.rand(1, 3, entry.min_resolution, entry.min_resolution)).isfinite().all()


@slow
@every_network
def test_scores_are_numbers_at_the_default_resolution(entry) -> None:
    given = scores(default_network(entry.name), torch.rand(1, 3, entry.resolution, entry.resolution))
    assert given.shape == (1, entry.options[0].default)
    assert given.isfinite().all()


@pytest.mark.slow
@every_network
def test_smaller_than_the_smallest_resolution_does_not_run(entry) -> None:
    side = entry.min_resolution - 1
    with pytest.raises(RuntimeError):
        scores(without_weights(entry.name), torch.empty(1, 3, side, side, device="meta"))


@every_network
def test_options_are_the_builders_arguments(entry) -> None:
    arguments = {name: argument.default for name, argument in inspect.signature(builder(entry)).parameters.items()}
    assert {option.name: option.default for option in entry.options} == arguments


@pytest.mark.slow
@every_network
def test_the_building_block_is_found(entry) -> None:
    blocks = lwprof.profile(without_weights(entry.name), input_size=(3, 64, 64)).fragmentation.blocks
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


@pytest.mark.slow
@every_network
def test_blocks_are_modules_of_their_own(entry) -> None:
    """A Sequential would be taken for a container, not for a block."""
    blocks = [module for module in without_weights(entry.name).modules() if type(module).__name__ == entry.block]
    assert len(blocks) > 1
    assert not any(isinstance(block, nn.Sequential) for block in blocks)
