"""thop.profile: mult-adds by hooks on modules of the exact types that it knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from torch import nn

from lwprof.analyses.traffic import Costed
from lwprof.crosscheck.thop_rules import RULES
from lwprof.crosscheck.tool import Count, Subject, Term, Tool, listed, names, not_seen


def count(module: nn.Module, inputs: tuple[Any, ...]) -> Count:
    """Count with ``thop.profile``."""
    import thop

    total, _ = thop.profile(module, inputs, verbose=False)
    return Count(int(total))


def terms(subject: Subject) -> Iterator[Term]:
    """What thop's hooks count besides mult-adds, count otherwise, count again, and never see."""
    modules = dict(subject.module.named_modules())
    times = _times_met(subject.module)
    hooked: set[int] = set()
    for call in subject.graph.calls:
        module = modules[call.module]
        rule = RULES.get(type(module))
        if rule is None or not call.outputs:
            continue
        inside = range(call.start, call.stop)
        hooked.update(inside)
        ours = sum(subject.rows[index].cost.mult_adds for index in inside)
        products = rule.products(module, call.inputs, call.outputs)
        others = rule.others(module, call.inputs, call.outputs)
        yield Term(rule.convention, others, rule.why)
        yield Term(rule.mistake, products - ours, rule.why_wrong, wrong=True)
        yield Term("modules with several names", (times[module] ** 2 - 1) * (products + others), _SHARED, wrong=True)
    types = {name: type(module).__name__ for name, module in modules.items()}
    owner = [types.get(call.module, "") for call in subject.graph.calls]

    def why(rows: list[Costed]) -> str:
        owners = listed(dict.fromkeys(owner[row.operator.call] for row in rows))
        return f"thop hooks modules of the exact types that it knows, and these ({names(rows)}) ran in {owners}"

    yield from not_seen((row for row in subject.rows if row.operator.index not in hooked), why)


_SHARED = "thop hooks a module once for every parent that holds it, and adds its count once for every parent as well"


def _times_met(root: nn.Module) -> Counter[nn.Module]:
    """How often a walk over the children, which skips repeats only below one parent, meets each module."""
    times: Counter[nn.Module] = Counter()

    def walk(module: nn.Module) -> None:
        times[module] += 1
        for child in module.children():
            walk(child)

    walk(root)
    return times


TOOL = Tool("thop", "thop", count, terms)
