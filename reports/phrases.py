"""Phrases: the short texts that several reports share."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from lwprof import units
from lwprof.reports.contents import Cell, printable
from lwprof.results.audit import AuditResult, Budget, CountedGain, Finding, Gain, Growth
from lwprof.results.document import Scalar
from lwprof.results.latency import Counted, Timing
from lwprof.results.layer_times import KindTime, LayerTime
from lwprof.results.networks import IMAGENET, Model, Published
from lwprof.results.structure import Coverage

Parts = tuple[tuple[str, ...], ...]
"""Names of modules: at each place one part, or the numbers that they have there."""
Timed = Timing | LayerTime | KindTime
INTERRUPTED = "interrupted: this is what had been found by then"


def labels(networks: Sequence[tuple[str, str]]) -> list[str]:
    """Tell networks apart, each given as its name and spec: by the spec, or else a number, where names are the same.

    >>> labels([("mbv2", "mbv2"), ("net", "a.py:net"), ("net", "b.py:net"), ("mbv2", "mbv2")])
    ['mbv2', 'a.py:net', 'b.py:net', 'mbv2 (2)']
    """
    names = [name for name, _ in set(networks)]
    found = [spec if names.count(name) > 1 else name for name, spec in networks]
    return [numbered(label, found[:place].count(label) + 1) for place, label in enumerate(found)]


def numbered(label: str, number: int) -> str:
    """Tell the ``number``-th of several that have one name from the first."""
    return f"{label} ({number})" if number > 1 else label


def networks(result: AuditResult) -> list[str]:
    """Tell the networks of an audit apart."""
    return labels([(model.name, model.model.spec if model.model else model.name) for model in result.models])


def alike(findings: Iterable[Finding]) -> Iterator[list[Finding]]:
    """Put together what differs in its module only, and in what its alternative is taken from."""
    groups: dict[object, list[Finding]] = {}
    for finding in findings:
        other = finding.alternative
        said = (other.saves, other.gain, other.counted, other.unmeasured) if other else ()
        groups.setdefault((replace(finding, module="", alternative=None), said), []).append(finding)
    yield from groups.values()


def together(names: Iterable[str], most: int = 6) -> str:
    """List names of modules, those that differ in numbers only as one; where ``most`` are too few, say how many more.

    >>> together(["blocks.4.conv", "blocks.5.conv", "blocks.6.conv", "stem", "a.1.b.1", "a.2.b.2"])
    'blocks.{4–6}.conv, stem, a.1.b.1, a.2.b.2'
    >>> together([f"blocks.{block}.branches.{branch}" for block in range(12) for branch in (0, 1, 3)])
    'blocks.{0–11}.branches.{0,1,3}'
    """
    alike: dict[tuple[str, ...], list[list[str]]] = {}
    for name in names:
        parts = name.split(".")
        alike.setdefault(tuple("#" if part.isdigit() else part for part in parts), []).append(parts)
    merged = [parts for group in alike.values() for parts in _merged(group)]
    left = sum(math.prod(map(len, parts)) for parts in merged[most:])
    shown = [".".join(map(_numbers, parts)) for parts in merged[:most]]
    return ", ".join([*shown, *([f"and {units.exact(left)} more"] if left else [])])


def _merged(names: list[list[str]]) -> list[Parts]:
    """Put together names that differ in one part, then what that leaves that differs in another."""
    merged: list[Parts] = [tuple((part,) for part in parts) for parts in names]
    for place in reversed(range(len(names[0]))):
        groups: dict[object, list[Parts]] = {}
        for parts in merged:
            groups.setdefault((parts[:place], parts[place + 1 :]), []).append(parts)
        merged = [
            (*group[0][:place], tuple(part for parts in group for part in parts[place]), *group[0][place + 1 :])
            for group in groups.values()
        ]
    return merged


def _numbers(parts: Sequence[str]) -> str:
    """Write the one part that a name has at a place, or the numbers that several have there."""
    if len(parts) == 1:
        return parts[0]
    runs: list[list[int]] = []
    for number in sorted(map(int, parts)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    told = [f"{run[0]}–{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs]
    return f"{{{','.join(told)}}}"


def breakable(label: str) -> Cell:
    """Let a long name break after the parts of its spec."""
    return Cell(label, label, tuple(re.findall(r"[^:,]*[:,]|[^:,]+", label)))


def leading(layers: Sequence[str], network: str) -> str:
    """Name the layer that leads those that run as one, by ``network`` where it has no name, and count the others.

    >>> leading(["stem.conv", "stem.norm", "stem.activation"], "mbv2"), leading([""], "mbv2")
    ('stem.conv +2', 'mbv2')
    """
    first, *others = layers or [""]
    return (first or network) + f" +{len(others)}" * bool(others)


def halved(name: str) -> Cell:
    """Let a module's name break in two of about the same length.

    >>> halved("blocks.1.expand.conv +2").lines
    ('blocks.1.', 'expand.conv +2')
    """
    dots = [place for place, letter in enumerate(name, 1) if letter == "."]
    cut = min(dots, key=lambda place: abs(place - len(name) / 2), default=0)
    return Cell(name, lines=(name[:cut], name[cut:]) if cut else ())


def latency(timed: Timed) -> Cell:
    """Write a median ± the longer half of its interval."""
    median, half, unit = units.uncertain_seconds(timed.median_s, *timed.ci95_s)
    return Cell(f"{median} ± {half} {unit}", lines=(f"{median} {unit}", f"± {half}"))


def amount(number: float) -> str:
    """Write a limit or what it is held against: a whole number in full, another with two places or three digits.

    >>> amount(4_000_000.0), amount(1.2), amount(1.384615), amount(0.01234), amount(153.21)
    ('4,000,000', '1.2', '1.38', '0.0123', '153.2')
    """
    if number == int(number):
        return units.exact(int(number))
    text = f"{number:.3g}" if abs(number) < 100 else f"{number:,.1f}"
    return text if len(text) < len(f"{number:g}") else f"{number:g}"


def digits(number: float) -> str:
    """Write a ratio that is exact with three digits.

    >>> digits(0.67451), digits(2), digits(153.21), digits(0.002), digits(12345.6)
    ('0.675', '2.00', '153', '0.00200', '12,346')
    """
    return f"{number:#.3g}".rstrip(".") if number < 999.5 else f"{number:,.0f}"


def environment(facts: Mapping[str, Scalar], said: Iterable[str] = ()) -> str:
    """List what is known of a machine, less what has been ``said``; empty where that is all.

    >>> environment({"cpu": "Example CPU", "governor": None, "torch_threads": 2, "device": "cpu"}, ["device"])
    'cpu Example CPU, torch threads 2'
    """
    return ", ".join(
        f"{key.replace('_', ' ')} {value}" for key, value in facts.items() if value is not None and key not in said
    )


def inputs(model: Model, sign: str = "×") -> str:
    """Name the inputs that a network was given.

    >>> from lwprof.results.networks import TensorSpec
    >>> inputs(Model("mbv1", "mbv1", (TensorSpec((1, 3, 224, 224), "float32"),)))
    '1×3×224×224 float32'
    """
    return "; ".join(f"{units.shape(item.shape, sign)} {item.dtype}" for item in model.inputs)


def shapes(items: Iterable[tuple[int, ...]], sign: str = "×") -> str:
    """Write several shapes.

    >>> shapes([(1, 64), (1, 32)])
    '1×64; 1×32'
    """
    return "; ".join(units.shape(item, sign) for item in items)


def unknown(coverage: Coverage, sign: str = "×") -> str:
    """Name the operators that have no rule, and how often each ran; empty where there are none.

    >>> from lwprof.results.structure import OpCount
    >>> unknown(Coverage(10, 2, (OpCount("demo::warp", 3), OpCount("demo::fold", 1))))
    'demo::warp ×3; demo::fold ×1'
    """
    return "; ".join(f"{item.op} {sign}{item.count}" for item in coverage.unknown)


def no_rule(coverage: Coverage) -> str:
    """Say which operators have no rule, and which numbers they are missing from.

    >>> from lwprof.results.structure import OpCount
    >>> no_rule(Coverage(10, 2, (OpCount("demo::warp", 3),))).partition(";")[0]
    'unknown operators, in no count of operations: demo::warp ×3'
    """
    return (
        f"unknown operators, in no count of operations: {unknown(coverage)}; "
        "their tensors are in eager and fused memory access, peak activation and launches"
    )


def settings(timing: Timing | Counted) -> tuple[str, ...]:
    """Say how a network was timed, or its instructions counted.

    >>> settings(Timing("torch", "cpu", 1, 8, "float32", 0.1, (0.1, 0.1), None, ()))
    ('torch', 'cpu', '1 thread', 'batch 8', 'float32')
    """
    threads = units.number_of(timing.threads, "thread")
    return timing.backend, timing.device, threads, f"batch {timing.batch}", timing.dtype


def elsewhere(figures: Published) -> str:
    """Name the data set of a published accuracy where it is not ImageNet."""
    return "" if figures.dataset == IMAGENET else f" on {figures.dataset}"


def published(figures: Published) -> str:
    """Write what a network's authors print for it."""
    parts = [
        f"{figures.params_millions:g} M params" if figures.params_millions is not None else "",
        f"{figures.mult_adds_millions:g} M FLOPs (mult-adds)" if figures.mult_adds_millions is not None else "",
        f"{units.accuracy(figures.top1)} top-1{elsewhere(figures)}" if figures.top1 is not None else "",
    ]
    text = ", ".join(filter(None, parts)) or "nothing"
    return f"{text} ({figures.source})" if figures.source else text


TELLING = 0.1
"""An interval that reaches further than this to one side of 1 does not show that there is no difference."""


def gain(found: Gain) -> str:
    """Say what an alternative gained where it was timed, with the interval.

    >>> gain(Gain("torch", "cpu", 1, 1e-3, 8e-4, 0.758, (0.73, 0.781), "faster"))
    '1.32× as fast [1.28, 1.37]'
    >>> gain(Gain("torch", "cpu", 1, 1e-3, 1e-3, 1.0, (0.98, 1.02), "indistinguishable"))
    'no difference here [0.98, 1.02]'
    >>> gain(Gain("torch", "cpu", 1, 1e-3, 1e-3, 1.0, (0.8, 1.25), "indistinguishable"))
    'too noisy to tell here [0.80, 1.25]'
    """
    low, high = (1 / ratio if ratio else 0.0 for ratio in reversed(found.ci95))
    interval = f"[{low:.2f}, {high:.2f}]"
    if found.verdict != "indistinguishable":
        return f"{1 / found.ratio if found.ratio else 0.0:.2f}× as fast {interval}"
    if high > 1 + TELLING or low < 1 - TELLING:
        return f"too noisy to tell here {interval}"
    return f"no difference here {interval}"


def counted_gain(found: CountedGain) -> str:
    """Say how many instructions an alternative executes, in words that nobody takes for time.

    >>> from lwprof.results.instructions import Instructions
    >>> layer, other = (Instructions(total, 600, 0, 0, total - 600, 0, 0, 0, 0) for total in (2_000, 1_500))
    >>> on = "ncnn", "arm-emulated:cortex-a76", "cortex-a76", "ncnn 1.0", "float32"
    >>> counted_gain(CountedGain(*on, layer, other, 0.75, "fewer"))
    '25.0 % fewer instructions'
    >>> counted_gain(CountedGain(*on, other, layer, 2_000 / 1_500, "more"))
    '33.3 % more instructions'
    >>> counted_gain(CountedGain(*on, layer, layer, 1.0, "the same"))
    'as many instructions'
    """
    if found.verdict not in ("fewer", "more"):
        return "as many instructions"
    share = 100 * abs(1 - found.ratio)
    return f"{share:.{1 if share >= 0.1 else 2}f} % {found.verdict} instructions"


def counted_on(found: CountedGain) -> str:
    """Say what instructions were counted on."""
    return f"{found.runtime}, {found.dtype}, on an emulated {found.core}"


def finding(found: Finding) -> str:
    """Say what is wrong, what to write instead, and what that saves.

    >>> finding(Finding("G1", "s", "warning", "conv", "8 to 64 channels", 1.5, 1.2, 9, 0.1, "use 24 to 24"))
    '8 to 64 channels; instead: use 24 to 24'
    """
    parts = [found.message, f"instead: {found.suggestion}" if found.suggestion else ""]
    other = found.alternative
    if other is not None:
        if other.saves:
            does, more = ("saves", "") if other.saves > 0 else ("costs", " more")
            parts.append(f"{does} {units.count(abs(other.saves))}{more} elements of memory access")
        parts.append(f"timed: {gain(other.gain)}" if other.gain else "")
        if other.counted:
            parts.append(f"counted: {counted_gain(other.counted)} ({counted_on(other.counted)})")
    return printable("; ".join(filter(None, parts)))


def place(module: str) -> str:
    """Name a module in a sentence; the one without a name is the network."""
    return printable(module) if module else "the whole network"


def grown(found: Growth) -> str:
    """Say how much a number has grown.

    >>> grown(Growth("mult_adds", "features.0", 10_838_016, 15_063_744))
    'mult_adds of features.0: 10,838,016 → 15,063,744'
    """
    return f"{found.quantity} of {place(found.module)}: {units.exact(found.old)} → {units.exact(found.new)}"


def over(budget: Budget) -> str:
    """Say how a network stands to a budget.

    >>> over(Budget("max_params", 4e6, 4_231_976.0, False))
    'max_params: 4,231,976, the limit is 4,000,000'
    """
    actual = "unknown" if budget.actual is None else amount(budget.actual)
    remark = f" ({printable(budget.remark)})" if budget.remark else ""
    return f"{budget.name}: {actual}, the limit is {amount(budget.limit)}{remark}"
