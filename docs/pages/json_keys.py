"""json.md: the keys of every saved result."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import types
import typing
from collections.abc import Sequence
from typing import Any

from lwprof.results import loading
from lwprof.results.document import key_of
from pages.notice import GENERATED


def page() -> str:
    """The keys of every saved result, from the dataclasses they are made of."""
    introduction = (
        "What `--format json` and `-o FILE.json` write, what `to_dict()` returns and `lwprof.load` reads. "
        "Keys are added, never renamed; a reader should pass over those it does not know. Numbers are in base units: "
        "elements, bytes, seconds. The words are defined in [conventions.md](conventions.md)."
    )
    parts = [GENERATED, "# JSON", introduction, "## Documents"]
    waiting = list(loading.DOCUMENTS.values())
    parts += [f"### {kind.schema}\n\n{_summary(kind)}\n\n{_keys(kind)}" for kind in waiting]
    parts.append("## Parts")
    seen: list[type] = []
    for document in waiting:
        for part in _parts(document):
            if part not in seen:
                seen.append(part)
                parts.append(f"### {part.__name__}\n\n{_summary(part)}\n\n{_keys(part)}")
    return "\n\n".join(parts) + "\n"


def _summary(kind: type) -> str:
    return (inspect.getdoc(kind) or "").partition("\n\n")[0].replace("``", "`").replace("\n", " ")


def _keys(kind: Any) -> str:
    hints, said = typing.get_type_hints(kind), _attribute_docstrings(kind)
    rows = ["| key | type | meaning |", "| :--- | :--- | :--- |"]
    if hasattr(kind, "schema"):
        rows.append(f'| `schema` | string | "{kind.schema}" |')
    for key, fields in _by_key(kind).items():
        meaning = _meaning(kind, key) if len(fields) > 1 or key not in said else said[key]
        types = _types([hints[field.name] for field in fields])
        rows.append(f"| `{key}` | {types} | {meaning} |")
    return "\n".join(rows)


def _meaning(kind: type, key: str) -> str:
    """What is said of a key below, of the class or of one that it has the field from."""
    return next(MEANINGS[name] for part in kind.__mro__ if (name := f"{part.__name__}.{key}") in MEANINGS)


def _by_key(kind: Any) -> dict[str, list[dataclasses.Field[Any]]]:
    """The fields of a class by their keys in JSON; several may share one list."""
    found: dict[str, list[dataclasses.Field[Any]]] = {}
    for field in dataclasses.fields(kind):
        found.setdefault(key_of(field), []).append(field)
    return found


def _types(kinds: Sequence[Any]) -> str:
    """The type of a key, or the list that several fields share."""
    first, *others = map(_type, kinds)
    return " or ".join([first, *(other.removeprefix("list of ") for other in others)])


def _attribute_docstrings(kind: type) -> dict[str, str]:
    """The strings that stand under the fields of a class, and of those that it has fields from."""
    found = {}
    for part in reversed([part for part in kind.__mro__ if dataclasses.is_dataclass(part)]):
        found |= _own_docstrings(part)
    return found


def _own_docstrings(kind: type) -> dict[str, str]:
    (body,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[ast.unparse(field.target)] = " ".join(str(text.value.value).split()).replace("``", "`")
    return found


PLAIN = {int: "integer", float: "number", str: "string", bool: "true or false"}


def _type(kind: Any) -> str:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        assert isinstance(kind, type)
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    if origin in (typing.Union, types.UnionType):
        return f"{_type(arguments[0])} or null"
    if origin is tuple:
        if arguments[-1] is not Ellipsis:
            return f"[{', '.join(map(_type, arguments))}]"
        inner = _type(arguments[0])
        return f"list of {inner}s" if arguments[0] in PLAIN else f"list of {inner}"
    return PLAIN.get(kind, "object")


def _parts(kind: Any) -> list[type]:
    """The dataclasses inside ``kind``, outer ones first."""
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        inside = [part for field in dataclasses.fields(kind) for part in _shallow(hints[field.name])]
        return [*inside, *(part for direct in inside for part in _parts(direct))]
    return []


def _shallow(kind: Any) -> list[type]:
    if dataclasses.is_dataclass(kind):
        assert isinstance(kind, type)
        return [kind]
    return [part for argument in typing.get_args(kind) for part in _shallow(argument)]


MEANINGS = {
    "ProfileResult.model": "which network, with which inputs",
    "ProfileResult.totals": "the structural numbers of the whole call",
    "ProfileResult.kinds": "the totals by kind of operator, the costliest first",
    "ProfileResult.fragmentation": "the building blocks",
    "ProfileResult.coverage": "what the counts cover",
    "ProfileResult.layers": "the totals by module, in the order of the module tree; each module's own cost",
    "ProfileResult.published": "figures of the network's authors, for networks of the catalogue",
    "CompareResult.models": "one entry a network, in the order given",
    "CompareResult.environment": "machine, versions and settings of the measurement, as one flat object",
    "CompareResult.interrupted": "Ctrl-C ended the measurement; what was complete is there",
    "CrosscheckResult.model": "which network, with which inputs",
    "CrosscheckResult.rows": "one entry a tool",
    "RooflineResult.models": "one entry a network and setting",
    "RooflineResult.environment": "machine, versions and settings of the measurement, as one flat object",
    "RooflineResult.untimed": "what could not be timed",
    "RooflineResult.interrupted": "Ctrl-C ended the measurement; what was complete is there",
    "Ceilings.backend": "name of the runtime",
    "Ceilings.device": "such as `cpu`",
    "Ceilings.threads": "threads that the backend may use",
    "Ceilings.dtype": "what was computed in",
    "Ceilings.probes": "what was measured to find them",
    "Ceilings.cores": "as that of a timing",
    "Probe.samples_s": "every sample",
    "Place.mult_adds": "of one call",
    "Place.latency_s": "median",
    "Place.ci95_s": "95 % bootstrap interval of that median",
    "PlacedModel.name": "its name in tables",
    "PlacedModel.spec": "the model spec as typed",
    "PlacedModel.setting": "that of the ceilings that it stands under",
    "PlacedLayer.kind": "kind of its costliest operator, as in a profile's kinds",
    "ExperimentResult.title": "what it shows",
    "ExperimentResult.backend": "name of the runtime",
    "ExperimentResult.device": "such as `cpu`",
    "ExperimentResult.threads": "threads that the backend may use",
    "ExperimentResult.batch": "images of one call",
    "ExperimentResult.dtype": "what was computed in",
    "ExperimentResult.rows": "one entry a row and column of the paper's table",
    "ExperimentResult.correlations": "of Table 8: how alike this device and the paper's rank the networks",
    "ExperimentResult.warnings": "what makes this measurement less trustworthy, and what to do",
    "ExperimentResult.untimed": "what could not be timed",
    "ExperimentResult.environment": "machine, versions and settings of the measurement, as one flat object",
    "ExperimentResult.interrupted": "Ctrl-C ended the measurement; what was complete is there",
    "ExperimentRow.mult_adds": "of one call",
    "ExperimentRow.paper": "null where the paper prints nothing",
    "ExperimentRow.relative_ci95": "95 % bootstrap interval of that",
    "PaperSpeed.speed": "as printed",
    "MeasuredSpeed.median_s": "median of the samples, of one call",
    "MeasuredSpeed.ci95_s": "95 % bootstrap interval of that median",
    "MeasuredSpeed.samples_s": "every sample, one a round",
    "Correlation.rho": "between -1 and 1",
    "Correlation.networks": "how many were ranked",
    "LayerTimes.environment": "machine, versions and settings of the measurement, as one flat object",
    "LayerTimes.interrupted": "Ctrl-C ended the measurement; what was complete is there",
    "LayerTime.median_s": "median of the samples",
    "LayerTime.ci95_s": "95 % bootstrap interval of that median",
    "KindTime.kind": "as in a profile's kinds",
    "KindTime.median_s": "median, over the observed calls, of the sum",
    "KindTime.ci95_s": "95 % bootstrap interval of that median",
    "Span.layers": "as those of a layer's time",
    "Span.duration_s": "with what it calls",
    "Model.name": "its name in tables",
    "Model.spec": "the model spec as typed; the class of a module given from Python",
    "Model.inputs": "one entry an input tensor",
    "TensorSpec.shape": "batch dimension included",
    "TensorSpec.dtype": "such as `float32`",
    "Totals.params": "[params](conventions.md#parameters)",
    "Totals.trainable_params": "those that require a gradient",
    "Totals.buffers": "elements of stored tensors that are no parameters",
    "Totals.param_bytes": "bytes of the parameters in their own dtypes",
    "Totals.mult_adds": "[multiply-accumulates](conventions.md#mult-adds)",
    "Kind.additions": "as in totals",
    "Layer.additions": "as in totals",
    "Totals.additions": "additions of operators that multiply nothing (adder layers)",
    "Totals.elementwise_ops": "[element-wise operations](conventions.md#element-wise-operations)",
    "Totals.launches": "operators that are not views",
    "Totals.memory_access": "[memory access cost](conventions.md#mac-memory-access), in three views",
    "Totals.peak_activation_bytes": "[most bytes of activations alive at once](conventions.md#peak-activation), "
    "run operator by operator",
    "Totals.fused_peak_activation_bytes": "the same, run as fused operators",
    "MemoryAccess.paper_elements": "operators with mult-adds: inputs + weights + outputs",
    "MemoryAccess.paper_bytes": "the same in bytes",
    "MemoryAccess.eager_elements": "every operator as torch calls it",
    "MemoryAccess.eager_bytes": "the same in bytes",
    "MemoryAccess.fused_elements": "as an inference runtime runs it",
    "MemoryAccess.fused_bytes": "the same in bytes",
    "Kind.kind": "[kind of operator](conventions.md#kinds-of-operator)",
    "Kind.params": "parameters that operators of this kind read first",
    "Kind.mult_adds": "multiply-accumulates",
    "Kind.paper_elements": "memory access, paper view",
    "Fragmentation.mean_fragments": "mean of `fragments` over the blocks; null without blocks",
    "Fragmentation.max_fragments": "most fragments of a block",
    "Fragmentation.max_branches": "most branches of a block",
    "Fragmentation.blocks": "one entry a block, in running order",
    "Block.name": "the module's name; for a block found in the graph, its first operator",
    "Block.type": "the module's class; `separable` or `region` for a block found in the graph",
    "Block.fragments": "convolutions and poolings",
    "Block.branches": "the most of them that can run side by side",
    "Block.depth": "the longest chain of them",
    "Coverage.counted": "operators that were counted",
    "Coverage.free": "operators that cost nothing",
    "Coverage.unknown": "operators without a rule, by name; in no count of operations",
    "Coverage.free_ops": "the free ones by name, with the reason",
    "OpCount.op": "such as `aten::view`",
    "OpCount.count": "how often it ran",
    "OpCount.reason": "why it is free; empty for an unknown operator",
    "Layer.name": "qualified name; empty for the network itself",
    "Layer.type": "the module's class",
    "Layer.params": "parameters of the module itself",
    "Layer.mult_adds": "multiply-accumulates of operators that the module itself runs",
    "Layer.paper_elements": "memory access of those, paper view",
    "Layer.eager_elements": "memory access of those, eager view",
    "Layer.input_shapes": "shapes given, of the first call",
    "Layer.output_shapes": "shapes returned, of the first call",
    "Published.top1": "top-1 in per cent",
    "Published.params_millions": "as printed",
    "Published.mult_adds_millions": "as printed",
    "Published.source": "who prints it, and where",
    "ComparedModel.model": "which network, with which inputs",
    "ComparedModel.totals": "the structural numbers of the whole call",
    "ComparedModel.fragmentation": "the building blocks",
    "ComparedModel.coverage": "what the counts cover",
    "ComparedModel.published": "figures of the network's authors, for networks of the catalogue",
    "ComparedModel.timings": "latency, and instructions on emulated cores: an item with the key `instructions` is a "
    "count, and holds no seconds; empty where nothing was timed or counted",
    "Timing.backend": "name of the runtime",
    "Timing.device": "such as `cpu`",
    "Untimed.backend": "name of the runtime",
    "Untimed.device": "such as `cpu`",
    "Timing.threads": "threads that the backend may use",
    "Timing.batch": "first dimension of the first input",
    "Timing.dtype": "what was computed in: the network's own, or the one that was asked for",
    "Timing.median_s": "median of the samples: the headline",
    "Timing.ci95_s": "95 % bootstrap interval of that median",
    "Timing.p90_s": "90th percentile of single calls; null where calls are too short or too few",
    "Timing.samples_s": "every sample, one a round; the samples of two networks at one place are of one round",
    "Timing.warnings": "what makes this measurement less trustworthy, and what to do",
    "Timing.first_call_s": "the first call, before any warm-up",
    "Timing.calls_per_sample": "calls that one sample is the mean of",
    "Counted.backend": "name of the runtime",
    "Counted.core": "such as `cortex-a76`",
    "Counted.batch": "first dimension of the first input",
    "Counted.dtype": "what was computed in: the network's own, or the one that was asked for",
    "Counted.instructions": "of one call, after a warm-up",
    "Counted.threads": "always 1",
    "Counted.warnings": "as those of a timing",
    "Counted.size_bytes": "as that of a timing",
    "Counted.difference": "as that of a timing",
    "Relative.backend": "name of the runtime",
    "Relative.ratio": "median of the ratios, round by round",
    "Relative.ci95": "95 % bootstrap interval of that median",
    "AuditResult.models": "one entry a network, in the order given",
    "AuditedModel.name": "its name in tables",
    "AuditedModel.budgets": "one entry a limit that it was given",
    "AuditedModel.totals": "the structural numbers of the whole call",
    "AuditedModel.coverage": "what the counts cover",
    "AuditedModel.fragmentation": "the building blocks",
    "AuditedModel.layers": "the totals by module; each module's own cost",
    "AuditedModel.ignored": "findings that the settings let pass",
    "Guideline.code": "such as `G1`",
    "Guideline.slug": "the same in words",
    "Finding.code": "of the guideline that is broken",
    "Finding.slug": "the same in words",
    "Finding.message": "what is wrong, with the numbers",
    "Finding.threshold": "the limit that `measured` is beyond",
    "Finding.suggestion": "what to do instead",
    "Finding.alternative": "a layer to write instead; null where there is none with the same mult-adds",
    "Finding.location": "for networks from a Python file; null for others",
    "Budget.limit": "the most that is allowed",
    "Checked.code": "of the guideline",
    "Ignored.code": "of the guideline that is broken",
    "Ignored.module": "qualified name of the module",
    "Ignored.reason": "as the settings give it",
    "Growth.old": "in the baseline",
    "Growth.new": "now",
    "Alternative.before": "the layer as it is",
    "Alternative.after": "the layer to write instead",
    "Gain.backend": "name of the runtime",
    "Gain.device": "such as `cpu`",
    "Gain.threads": "threads that the backend may use",
    "CountedGain.backend": "name of the runtime",
    "CountedGain.core": "such as `cortex-a76`",
    "CrosscheckTerm.name": "what the tools count differently",
    "CrosscheckTerm.amount": "what it adds to our count",
    "CrosscheckTerm.why": "the convention behind it",
    "CrosscheckRow.tool": "fvcore, thop or torch",
    "CrosscheckRow.version": "its version",
    "CrosscheckRow.ours": "our mult-adds",
    "CrosscheckRow.terms": "the differences by name",
    "CrosscheckRow.unexplained": "what the terms leave over: 0, or lwprof does not know why",
}
"""For the fields that say nothing themselves: a string under a field in results.py comes first."""
