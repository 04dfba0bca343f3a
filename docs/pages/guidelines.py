"""guidelines/: a page a rule, and how every network of the catalogue fares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import lwprof
from lwprof.guidelines import RULES, Rule
from lwprof.guidelines.pages import document, file_name, limits
from lwprof.models import catalog
from lwprof.reports import render
from lwprof.reports.contents import Cell, Column, Table
from lwprof.results.audit import INFO, AuditedModel, Checked
from pages.notice import GENERATED

INTRODUCTION = (
    "What `lwprof audit` looks for, one page a guideline; [conventions.md](../conventions.md) defines the words. "
    "`lwprof explain CODE` shows a page in the terminal, and `lwprof explain CODE --on NETWORK` walks through its "
    "numbers at the worst place of a network. A finding of severity warning or error makes an audit fail, one of "
    "severity info does not: it holds for good networks too, and says what to know about them."
)

FAMILY_G = (
    "At the networks' defaults, for one image, with the guidelines' own thresholds; an audit fails over what is bold. "
    "G1 and G2: how many of the layers that the guideline looks at break it. G3: most fragments of a block / most "
    "branches. G4: the worst block's ratio, and how many blocks break it. A dash: it has nothing that the guideline "
    "looks at."
)

FAMILY_D = (
    "How many places break them; an audit fails over what is bold. A dash: it has nothing that the guideline looks at."
)

PAPER = (
    "ShuffleNetV2 (arXiv 1807.11164) judges its forerunners by G1 to G4 at the end of section 2. ShuffleNetV1 leans on "
    "group convolutions (G2) and on bottlenecks (G1). MobileNetV2's inverted bottleneck breaks G1; its depthwise "
    "convolutions and activations run on thick maps (G4). Structures that a search made up, as NASNet's cells, are "
    "highly fragmented (G3); the catalogue has none of them. ShuffleNetV2 itself was designed to break none."
)

VERDICTS: Mapping[str, str] = {"shufflenetv1": "G1, G2", "mbv2": "G1, G4", "shufflenetv2": "none"}
"""What the paper says that networks of the catalogue break."""


def index() -> str:
    """The guidelines, and the verdict on every network."""
    models = {}
    for entry in catalog.entries().values():
        (models[entry.name],) = lwprof.audit(entry.name).models
    parts = [GENERATED, "# Guidelines", INTRODUCTION, _rules()]
    parts += ["## How the networks fare", "### The four of ShuffleNetV2", FAMILY_G, _table(models, "G")]
    parts += ["### Design and deployment", FAMILY_D, _table(models, "D")]
    parts += ["## What the paper says", PAPER, _paper(models)]
    return "\n\n".join(parts) + "\n"


def _rules() -> str:
    lines = ["| code | guideline | severity | threshold | in one line |", "| :--- | :--- | :--- | :--- | :--- |"]
    for rule in RULES:
        threshold = f"`{limits(rule.thresholds)}`" if rule.thresholds else ""
        link = f"[{rule.slug}]({file_name(rule)})"
        lines.append(f"| {rule.code} | {link} | {rule.severity} | {threshold} | {rule.title.rstrip('.')} |")
    return "\n".join(lines)


def _table(models: Mapping[str, AuditedModel], family: str) -> str:
    rules = [rule for rule in RULES if rule.code.startswith(family)]
    columns = [Column("name", "network"), *(Column(rule.code, rule.code, align="right") for rule in rules)]
    rows = []
    for name, model in models.items():
        checked = {one.code: one for one in model.checked}
        rows.append([name, *(_told(model, rule, checked[rule.code]) for rule in rules)])
    return render(Table.of("networks", columns, rows), "markdown").rstrip()


def _told(model: AuditedModel, rule: Rule, checked: Checked) -> Cell:
    """How a rule fared in a network."""
    text = str(checked.broken)
    if not checked.candidates:
        text = "–"
    elif rule.code in ("G1", "G2"):
        text = f"{checked.broken} of {checked.candidates}"
    elif rule.code == "G3" and model.fragmentation is not None:
        text = f"{model.fragmentation.max_fragments} / {model.fragmentation.max_branches}"
    elif rule.code == "G4":
        text = f"{checked.worst:.1f}, {checked.broken} of {checked.candidates}"
    return Cell(text, style="bad" if checked.broken and rule.severity != INFO else "")


def _paper(models: Mapping[str, AuditedModel]) -> str:
    lines = ["| network | the paper | here |", "| :--- | :--- | :--- |"]
    for name, said in VERDICTS.items():
        lines.append(f"| {name} | {said} | {broken(models[name].checked, 'G')} |")
    return "\n".join(lines)


def broken(checked: Iterable[Checked], family: str) -> str:
    """Name the guidelines of a family that a network breaks."""
    return ", ".join(one.code for one in checked if one.broken and one.code.startswith(family)) or "none"


def _page(rule: Rule) -> str:
    return f"{GENERATED}\n\n{document(rule)}"


PAGES: dict[str, Callable[[], str]] = {
    "guidelines/README.md": index,
    **{f"guidelines/{file_name(rule)}": partial(_page, rule) for rule in RULES},
}
