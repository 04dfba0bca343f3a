"""Builders: from a checked request to a module, with the same random weights every time."""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lwprof.errors import BackendError, InputError
from lwprof.models import libraries, specs, user_code
from lwprof.models.catalog import Entry

if TYPE_CHECKING:
    from torch import nn

    from lwprof.models.libraries import Made


def of_catalogue(
    entry: Entry, options: Mapping[str, object], label: str, weights: bool = True
) -> tuple[nn.Module, float]:
    """A network of the catalogue, and the seconds that building it took; without ``weights`` of meta tensors."""
    file, _, function = entry.builder.partition(":")
    builder = getattr(importlib.import_module(f"lwprof.architectures.{file}"), function)
    import torch

    with seeded(), contextlib.nullcontext() if weights else torch.device("meta"):
        start = time.perf_counter()
        module: nn.Module = user_code.call(builder, options, label)
        return module, time.perf_counter() - start


def of_library(
    parsed: specs.Spec, options: Mapping[str, object], size: tuple[int, ...] | None, weights: bool = True
) -> tuple[Made, float]:
    """A network of a library, and the seconds that building it took; without ``weights`` the parameters are meta.

    What cannot be built so, because it reads its parameters, has weights all the same.
    """
    try:
        library = libraries.find(parsed.place, parsed.name, options)
    except BackendError as error:
        raise BackendError(f"{parsed.text}: {error}") from error

    def build(**given: object) -> Made:
        return library.build(parsed.name, given, size)

    if not weights:
        with contextlib.suppress(InputError), seeded(), _meta_parameters():
            return user_code.call(build, options, parsed.text), 0.0
    with seeded():
        start = time.perf_counter()
        made: Made = user_code.call(build, options, parsed.text)
        return made, time.perf_counter() - start


def of_user(parsed: specs.Spec, options: Mapping[str, object]) -> tuple[nn.Module, float]:
    """A user's network, and the seconds that building it took, without importing the code."""
    with seeded():
        found = user_code.located(parsed)
    with seeded():
        start = time.perf_counter()
        module: nn.Module = user_code.make(found, options, f"{parsed.place}:{parsed.name}")
        return module, time.perf_counter() - start


@contextlib.contextmanager
def seeded() -> Iterator[None]:
    """Give torch's generator a fixed seed, and its old state back afterwards."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        yield


@contextlib.contextmanager
def _meta_parameters() -> Iterator[None]:
    """Turn every parameter into a meta tensor as soon as a module gets it; all else stays real.

    Drawing the weights of a large network takes longer than counting it.
    """
    import torch
    from torch import nn
    from torch.nn.modules.module import register_module_parameter_registration_hook

    def moved(module: Any, name: str, parameter: Any) -> Any:
        if nn.parameter.is_lazy(parameter) or parameter.is_meta:
            return None
        return nn.Parameter(torch.empty_like(parameter, device="meta"), requires_grad=parameter.requires_grad)

    handle = register_module_parameter_registration_hook(moved)
    try:
        yield
    finally:
        handle.remove()
