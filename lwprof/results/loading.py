"""Loading: saved results of every kind."""

from __future__ import annotations

import reprlib
import typing
from pathlib import Path
from typing import Any

from lwprof.errors import InputError
from lwprof.results.audit import BASELINE, AuditResult
from lwprof.results.crosscheck import CrosscheckResult
from lwprof.results.document import read_json, rebuild
from lwprof.results.experiment import ExperimentResult
from lwprof.results.latency import CompareResult
from lwprof.results.profile import ProfileResult
from lwprof.results.roofline import RooflineResult

Result = ProfileResult | CompareResult | CrosscheckResult | AuditResult | RooflineResult | ExperimentResult
DOCUMENTS: dict[str, type[Result]] = {kind.schema.partition("/")[0]: kind for kind in typing.get_args(Result)}


def load(path: str | Path) -> Result:
    """Read a saved result.

    Raises:
        InputError: the file is missing, truncated, not lwprof's, or written by a newer lwprof.
    """
    return from_dict(read_json(path), str(path))


def from_dict(data: Any, origin: str = "result") -> Result:
    """Rebuild a result from :meth:`Document.to_dict`; ``origin`` names it in errors.

    Raises:
        InputError: the document is not lwprof's, is newer, or lacks a key.
    """
    schema = data.get("schema") if isinstance(data, dict) else None
    name, _, version = str(schema).partition("/")
    if name == BASELINE:
        raise InputError(f"{origin} is a baseline, which 'lwprof audit --baseline {origin}' reads; it is no result")
    if name not in DOCUMENTS or not (version.isascii() and version.isdigit()):
        which = "it has no schema" if schema is None else f"schema {reprlib.repr(schema)}"
        raise InputError(f"{origin} is not a result of lwprof ({which})")
    kind = DOCUMENTS[name]
    newest = int(kind.schema.partition("/")[2])
    if int(version) > newest:
        raise InputError(f"{origin} has schema {schema}, newer than this lwprof reads ({kind.schema}); update lwprof")
    try:
        return typing.cast(Result, rebuild(kind, data))
    except (TypeError, ValueError) as error:
        raise InputError(f"{origin} is a damaged {name} document: {error}") from error
