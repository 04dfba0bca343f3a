"""Backends that convert nothing: what they compute, and how long that takes, is made up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from lwprof.errors import BackendError
from lwprof.inputs import Values
from lwprof.timing.contract import CONTIGUOUS, Loaded, Options, Source
from lwprof.timing.forwards import outputs


class Fake:
    """Runs nothing: ``passes`` is called with the seconds that a call takes."""

    devices: tuple[str, ...] = ("cpu",)
    dtypes: tuple[str, ...] = ("float32", "int8")
    layouts = (CONTIGUOUS,)
    runs_files = False

    def __init__(self, name: str, passes: Callable[[float], None] = lambda seconds: None) -> None:
        self.name = self.extra = name
        self.passes = passes
        self.seconds: Mapping[str, float] = {}
        """By the network's label; one second otherwise."""
        self.missing: str | None = None
        self.wrong_by = 0.0
        """Share of the output's range that results are wrong by."""
        self.refuses: Mapping[str, str] = {}
        """Reasons by the network's label."""
        self.loads: list[tuple[str, Options]] = []
        self.when_loading: Callable[[], None] = lambda: None

    def unavailable(self, device: str) -> str | None:
        return self.missing

    def versions(self) -> dict[str, str]:
        return {self.name: "1.0"}

    def conversion(self, source: Source, options: Options) -> None:
        return None

    def is_reference(self, options: Options) -> bool:
        return False

    def settings(self, options: Options) -> AbstractContextManager[object]:
        return nullcontext()

    def load(self, source: Source, options: Options, folder: Path | None) -> Loaded:
        self.loads.append((source.label, options))
        self.when_loading()
        if source.label in self.refuses:
            raise BackendError(self.refuses[source.label])
        assert source.module is not None
        module = source.module

        def computed(values: Values) -> Sequence[Any]:
            return [array + self.wrong_by * (array.max() - array.min()) for array in outputs(module, values)]

        return Loaded(lambda: self.passes(self.seconds.get(source.label, 1.0)), computed)
