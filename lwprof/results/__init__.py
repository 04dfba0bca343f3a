"""Results: everything lwprof finds, as frozen data in base units (elements, bytes, seconds).

Every document has a ``schema`` name and version, keeps its raw samples, and saves and loads as JSON.
Keys are added, never renamed.
"""

from __future__ import annotations

import reprlib
import typing
from pathlib import Path
from typing import Any

from lwprof.errors import InputError
from lwprof.results.audit import (
    BASELINE,
    ERROR,
    INFO,
    SEVERITIES,
    WARNING,
    Alternative,
    AuditedModel,
    AuditResult,
    Budget,
    Checked,
    CountedGain,
    Finding,
    Form,
    Gain,
    Growth,
    Guideline,
    Ignored,
    Location,
)
from lwprof.results.crosscheck import CrosscheckResult, CrosscheckRow, CrosscheckTerm
from lwprof.results.document import LARGEST, Document, Scalar, json_text, plain, read_json, rebuild
from lwprof.results.experiment import Correlation, ExperimentResult, ExperimentRow, MeasuredSpeed, PaperSpeed
from lwprof.results.instructions import Instructions
from lwprof.results.latency import EMULATED, ComparedModel, CompareResult, Counted, Relative, Timing, Untimed
from lwprof.results.layer_times import KindTime, LayerTime, LayerTimes, Shares, Span, together
from lwprof.results.profile import ProfileResult
from lwprof.results.roofline import (
    CACHED,
    COMPUTE,
    MEMORY,
    WINOGRAD,
    Ceilings,
    Place,
    PlacedLayer,
    PlacedModel,
    Probe,
    RooflineResult,
)
from lwprof.results.structure import (
    IMAGENET,
    Block,
    Coverage,
    Fragmentation,
    Kind,
    Layer,
    MemoryAccess,
    Model,
    OpCount,
    Published,
    Subtree,
    TensorSpec,
    Totals,
)

__all__ = [
    "BASELINE",
    "CACHED",
    "COMPUTE",
    "DOCUMENTS",
    "EMULATED",
    "ERROR",
    "IMAGENET",
    "INFO",
    "LARGEST",
    "MEMORY",
    "SEVERITIES",
    "WARNING",
    "WINOGRAD",
    "Alternative",
    "AuditResult",
    "AuditedModel",
    "Block",
    "Budget",
    "Ceilings",
    "Checked",
    "CompareResult",
    "ComparedModel",
    "Correlation",
    "Counted",
    "CountedGain",
    "Coverage",
    "CrosscheckResult",
    "CrosscheckRow",
    "CrosscheckTerm",
    "Document",
    "ExperimentResult",
    "ExperimentRow",
    "Finding",
    "Form",
    "Fragmentation",
    "Gain",
    "Growth",
    "Guideline",
    "Ignored",
    "Instructions",
    "Kind",
    "KindTime",
    "Layer",
    "LayerTime",
    "LayerTimes",
    "Location",
    "MeasuredSpeed",
    "MemoryAccess",
    "Model",
    "OpCount",
    "PaperSpeed",
    "Place",
    "PlacedLayer",
    "PlacedModel",
    "Probe",
    "ProfileResult",
    "Published",
    "Relative",
    "Result",
    "RooflineResult",
    "Scalar",
    "Shares",
    "Span",
    "Subtree",
    "TensorSpec",
    "Timing",
    "Totals",
    "Untimed",
    "from_dict",
    "json_text",
    "load",
    "plain",
    "read_json",
    "rebuild",
    "together",
]

Result = ProfileResult | CompareResult | CrosscheckResult | AuditResult | RooflineResult | ExperimentResult
KINDS = (ProfileResult, CompareResult, CrosscheckResult, AuditResult, RooflineResult, ExperimentResult)
DOCUMENTS: dict[str, type[Result]] = {kind.schema.partition("/")[0]: kind for kind in KINDS}


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
