"""Options of ``lwprof audit``: guidelines, thresholds, severities and budgets as they are typed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from typing import Any

import click
from click.shell_completion import CompletionItem

from lwprof.cli.completion import rule_names

Assigned = tuple[str, str]


class Guidelines(click.ParamType[list[str]]):
    """Codes, slugs or families of guidelines with commas between them: ``G1,D``."""

    name = "CODE,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        names = [name.strip() for name in value.split(",")] if isinstance(value, str) else value
        if not all(names):
            self.fail("write codes, slugs or families with commas between them, such as G1,D", param, ctx)
        return list(names)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        before, comma, last = incomplete.rpartition(",")
        return [CompletionItem(f"{before}{comma}{name}", help=text) for name, text in rule_names(last, families=True)]


class Assignment(click.ParamType[Assigned]):
    """A name and what it is to be: ``G1=1.3``."""

    def __init__(self, name: str, offered: Callable[[], Iterable[str]]) -> None:
        self.name = name
        self.offered = offered
        """Everything to complete: names, and whole assignments."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Assigned:
        if isinstance(value, tuple):
            return value
        name, equals, text = (part.strip() for part in value.partition("="))
        if not (name and equals and text):
            self.fail(f"{value!r} is not written as {self.name}", param, ctx)
        return name, text

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(text) for text in self.offered() if text.startswith(incomplete)]


@dataclass(frozen=True, slots=True)
class Judging:
    """What was typed of how strictly networks are judged; :mod:`lwprof.cli.overrides` makes a policy of it."""

    select: Sequence[Sequence[str]]
    ignore: Sequence[Sequence[str]]
    fail_on: str | None
    threshold: Sequence[Assigned]
    severity: Sequence[Assigned]
    exempt: Sequence[str]
    no_exemptions: bool


def judging_options(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options of :class:`Judging` to a command, which is given one as ``judging``."""

    @wraps(command)
    def judged(*arguments: Any, **options: Any) -> int:
        judging = Judging(**{each.name: options.pop(each.name) for each in fields(Judging)})
        return command(*arguments, judging=judging, **options)

    added: Callable[..., int] = judged
    for option in (
        click.option("--no-exemptions", is_flag=True, help="Show what the settings exempt, too."),
        click.option("--exempt", metavar="MODULE[:CODE,…]", multiple=True,
                     help="Let pass what modules of this name have, such as stage1.*:G1; repeatable."),
        click.option("--severity", type=Assignment("CODE=SEVERITY", _severities), multiple=True,
                     help="How grave breaking a guideline or a family is, such as D3=warning; repeatable."),
        click.option("--threshold", type=Assignment("CODE[.NAME]=NUMBER", _thresholds), multiple=True,
                     help="Threshold of a guideline, such as G1=1.3 or G3.branches=5; repeatable."),
        click.option("--fail-on", type=click.Choice(["error", "warning", "info", "never"]),
                     help="The mildest severity that makes the audit fail; default: warning."),
        click.option("--ignore", type=Guidelines(), multiple=True, help="Guidelines to leave out, likewise."),
        click.option("--select", type=Guidelines(), multiple=True,
                     help="Guidelines to ask, by code, slug or family (G1,D); default: all."),
    ):  # fmt: skip
        added = option(added)
    return added


budget_option = click.option(
    "--budget",
    "budgets",
    type=Assignment("NAME=LIMIT", list),
    multiple=True,
    help="Limit for every network, such as max_params=4M or max_arm_instructions=102M; repeatable.",
)


def _thresholds() -> list[str]:
    from lwprof.guidelines import RULES

    return [
        f"{rule.code}={rule.thresholds[name]:g}" if len(rule.thresholds) == 1 else f"{rule.code}.{name}="
        for rule in RULES
        for name in rule.thresholds
    ]


def _severities() -> list[str]:
    from lwprof.results.audit import SEVERITIES

    return [f"{code}={severity}" for code, _ in rule_names("", families=True) for severity in SEVERITIES]
