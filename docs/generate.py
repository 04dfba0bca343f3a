"""Write the pages of this folder that come from code: networks.md, commands.md and json.md.

Run from the top of the repository, after `make test` or `make quick`: .venv/bin/python -P docs/generate.py
A test compares the pages with what would be written.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import types
import typing
from pathlib import Path
from typing import Any

import click

import lwprof
from lwprof import results, units
from lwprof.cli.card import card
from lwprof.cli.entry import COMMANDS, group
from lwprof.models import aliases, catalog
from lwprof.reports import phrases, render
from lwprof.reports.contents import Column, Table

HERE = Path(__file__).parent
GENERATED = "<!-- Written by docs/generate.py; change the code it comes from instead. -->"


def networks() -> str:
    """Every network of the catalogue: options, exact counts, published figures and where they differ."""
    introduction = (
        "Every network of the catalogue (`architectures/catalog.toml`), in the order of `lwprof list`. "
        "Params and mult-adds are exact and recounted by a test. Published figures are as printed: params and "
        "mult-adds in millions, top-1 on ImageNet unless another data set is named. A figure agrees if it is within "
        "one unit of its last printed digit; one that does not is marked ≠, and a remark below says why."
    )
    glance = (
        "At its defaults, for one image, counted by `lwprof profile`: [params](conventions.md#parameters), "
        "[mult-adds](conventions.md#mult-adds), [memory access](conventions.md#mac-memory-access) in the paper's view, "
        "[peak activation](conventions.md#peak-activation), [fragments](conventions.md#fragments-branches-depth) of a "
        "building block on average and the most branches of one."
    )
    pages = [render(card(entry), "markdown").rstrip() for entry in catalog.entries().values()]
    others = [render(_others(), "markdown").rstrip()]
    parts = [GENERATED, "# Networks", introduction, "## At a glance", glance, _glance(), *pages]
    parts += ["## Networks of other libraries", OTHERS, *others]
    return "\n\n".join(parts) + "\n"


OTHERS = (
    "Names (`architectures/aliases.toml`) that a command takes like those above, once the library is installed. "
    "`lwprof list --all` lists them too."
)


def _glance() -> str:
    """One line a network, which leads to its card."""
    columns = (
        Column("name", "network"),
        Column("year", "year", align="right"),
        Column("resolution", "resolution", align="right"),
        Column("params", "params", align="right"),
        Column("mult_adds", "FLOPs (mult-adds)", align="right"),
        Column("additions", "additions", align="right"),
        Column("memory", "MAC (memory access)", align="right"),
        Column("peak", "peak activation", align="right"),
        Column("fragments", "fragments / branches", align="right"),
        Column("top1", "top-1 published", align="right"),
    )
    rows = []
    for entry in catalog.entries().values():
        result = lwprof.profile(entry.name)
        totals, blocks = result.totals, result.fragmentation
        figures = result.published
        top1 = phrases.percent(figures.top1) + phrases.elsewhere(figures) if figures and figures.top1 else "–"
        rows.append(
            (
                entry.name,
                str(entry.year),
                str(entry.resolution),
                totals.params,
                totals.mult_adds,
                totals.additions or "",
                totals.memory_access.paper_elements,
                units.size(totals.peak_activation_bytes),
                f"{blocks.mean_fragments or 0:.2f} / {blocks.max_branches}",
                top1,
            )
        )
    text = render(Table.of("networks", columns, rows), "markdown").rstrip()
    for entry in catalog.entries().values():
        anchor = re.sub(r"[^\w\- ]", "", f"{entry.name}: {entry.title}".lower()).replace(" ", "-")
        text = text.replace(f"\n| {entry.name} |", f"\n| [{entry.name}](#{anchor}) |")
    return text


def _others() -> Table:
    """The networks of other libraries that have a name, a line for each paper."""
    columns = (
        Column("title", "title"),
        Column("names", "names"),
        Column("spec", "stand for"),
        Column("paper", "paper"),
    )
    papers: dict[tuple[str, str], list[aliases.Alias]] = {}
    for alias in aliases.entries().values():
        papers.setdefault((alias.title, alias.paper), []).append(alias)
    rows = [
        (title, [alias.name for alias in found], [alias.spec for alias in found], f"{paper} ({found[0].year})")
        for (title, paper), found in papers.items()
    ]
    return Table.of("aliases", columns, rows)


def commands() -> str:
    """The help of every command."""
    parts = [GENERATED, "# Commands", "The help of every command, in the order in which somebody meets them."]
    for name, command in [("lwprof", group), *((f"lwprof {command.name}", command) for command in COMMANDS)]:
        context = click.Context(
            command, info_name=name, terminal_width=100, max_content_width=100, help_option_names=["-h", "--help"]
        )
        parts.append(f"## {name}\n\n```text\n{command.get_help(context)}\n```")
    return "\n\n".join(parts) + "\n"


def json_keys() -> str:
    """The keys of every saved result, from the dataclasses they are made of."""
    introduction = (
        "What `--format json` and `-o FILE.json` write, what `to_dict()` returns and `lwprof.load` reads. "
        "Keys are added, never renamed; a reader should pass over those it does not know. Numbers are in base units: "
        "elements, bytes, seconds. The words are defined in [conventions.md](conventions.md)."
    )
    parts = [GENERATED, "# JSON", introduction, "## Documents"]
    waiting = list(results.DOCUMENTS.values())
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
    for field in dataclasses.fields(kind):
        meaning = said.get(field.name) or MEANINGS[f"{kind.__name__}.{field.name}"]
        rows.append(f"| `{field.name}` | {_type(hints[field.name])} | {meaning} |")
    return "\n".join(rows)


def _attribute_docstrings(kind: type) -> dict[str, str]:
    """The strings that stand under the fields of a class."""
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
    "ComparedModel.timings": "latency; empty where nothing was timed",
    "ComparedModel.relative": "latency against the first network; empty for the first one itself",
    "Timing.backend": "name of the runtime",
    "Timing.device": "such as `cpu`",
    "Timing.threads": "threads that the backend may use",
    "Timing.batch": "first dimension of the first input",
    "Timing.dtype": "of the input",
    "Timing.median_s": "median of the samples: the headline",
    "Timing.ci95_s": "95 % bootstrap interval of that median",
    "Timing.p90_s": "90th percentile of single calls; null where calls are too short or too few",
    "Timing.samples_s": "every sample, one a round; the samples of two networks at one place are of one round",
    "Timing.warnings": "what makes this measurement less trustworthy, and what to do",
    "Timing.first_call_s": "the first call, before any warm-up",
    "Timing.calls_per_sample": "calls that one sample is the mean of",
    "Relative.backend": "name of the runtime",
    "Relative.to": "name of the first network",
    "Relative.ratio": "median of the ratios, round by round",
    "Relative.ci95": "95 % bootstrap interval of that median",
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

PAGES = {"networks.md": networks, "commands.md": commands, "json.md": json_keys}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
