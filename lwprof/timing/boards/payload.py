"""Payloads: what a network is sent to a board as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lwprof.timing import backends
from lwprof.timing.contract import Options, Source
from lwprof.timing.conversions import onnx_errors
from lwprof.timing.conversions.cache import MANIFEST
from lwprof.timing.conversions.onnx_feeds import sent
from lwprof.timing.conversions.onnx_parts import parts
from lwprof.timing.portable import wire

if TYPE_CHECKING:
    from lwprof.inputs import Values


@dataclass(frozen=True, slots=True)
class Payload:
    """A network that is to be loaded by a runtime, with its inputs."""

    runtime: str
    source: Source
    options: Options
    folder: Path | None
    """Files of its conversion; ``None`` where the source is an ONNX file that is run as it is."""

    def request(self, number: int) -> tuple[dict[str, Any], bytes]:
        """What loads it under a number.

        Raises:
            BackendError: its inputs cannot be sent.
        """
        files = self._files()
        found, data = self.packed(self.source.values)
        request = {
            "do": "load", "number": number, "runtime": self.runtime,
            "dtype": self.options.dtype, "threads": self.options.threads,
            "files": [(name, path.stat().st_size) for name, path in files], **found,
        }  # fmt: skip
        return request, b"".join(path.read_bytes() for _, path in files) + data

    def packed(self, values: Values) -> tuple[dict[str, Any], bytes]:
        """Names of inputs, their dtypes and shapes, and their bytes one behind the other.

        Raises:
            BackendError: they cannot be sent.
        """
        names, arrays = sent(values, exported=self.source.module is not None)
        found, data = wire.described(arrays)
        return {"names": names, "inputs": found["arrays"]}, data

    def size_bytes(self) -> int | None:
        """Of an ONNX file that is run as it is."""
        return sum(path.stat().st_size for _, path in self._files()) if self.folder is None else None

    def reason(self, answer: Mapping[str, Any]) -> str:
        """Say why it could not be loaded."""
        if "version" not in answer:  # the runtime had no part in it
            return str(answer["error"])
        reason = onnx_errors.reason(str(answer["error"]), self.source.module is not None)
        there, here = answer["version"], backends.named(self.runtime).versions().get(self.runtime)
        versions = f" ({self.runtime} is {there} there, and {here} here)" if there and there != here else ""
        return f"{self.runtime} cannot load {self.source.label}: {reason}{versions}"

    def _files(self) -> Sequence[tuple[str, Path]]:
        """Paths, relative ones for the board and those here."""
        if self.folder is not None:
            found = sorted(path for path in self.folder.rglob("*") if path.is_file() and path.name != MANIFEST)
            return [(path.relative_to(self.folder).as_posix(), path) for path in found]
        assert self.source.file is not None
        beside = self.source.file.parent
        return [(path.relative_to(beside).as_posix(), path) for path in parts(self.source.file)]
