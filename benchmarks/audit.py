"""Audits of the whole catalogue: their time beside that of profiling it, and the memory that networks add.

Everything is measured in one run; ratios, not times, carry over to other machines.
Usage: python benchmarks/audit.py [--rounds N]
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping

import torch
from memory import MEASURABLE, added
from speed import seconds

import lwprof
from lwprof.auditing.judging import evidence_of
from lwprof.guidelines import RULES
from lwprof.models import catalog
from lwprof.profiling import examine

MOST = 2.0
"""An audit in times of a profile."""
DROPPED = 16
"""Kilobytes that one more network may add where nobody keeps its result; its weights alone are megabytes."""
KEPT = 256
"""The same with its result, which has all of its findings and layers."""


def beside_profiling(rounds: int) -> bool:
    """Interleave audits and profiles of every network of the catalogue, each once a round in random order."""
    names = list(catalog.entries())
    ready = {name: lwprof.build(name) for name in names}
    from_names: Mapping[str, Callable[[str], object]] = {"profile": lwprof.profile, "audit": lwprof.audit}
    of_modules: Mapping[str, Callable[[str], object]] = {
        "profile": lambda name: lwprof.profile(ready[name]),
        "audit": lambda name: lwprof.audit(ready[name]),
    }
    print(f"The catalogue, {len(names)} networks, by {len(RULES)} rules: medians of {rounds} interleaved rounds")
    held = True
    for what, calls in (("by name", from_names), ("as ready modules", of_modules)):
        ratios, sums = _interleaved(calls, names, rounds)
        ratio = statistics.median(ratios)
        held &= ratio < MOST
        profile, audit = (statistics.median(sums[call]) * 1e3 for call in ("profile", "audit"))
        verdict = "yes" if ratio < MOST else "NO"
        print(
            f"  {what:17} profile {profile:8.1f} ms   audit {audit:8.1f} ms   {ratio:5.2f} x  (< {MOST:g}: {verdict})"
        )
    return held


def _interleaved(
    calls: Mapping[str, Callable[[str], object]], names: list[str], rounds: int
) -> tuple[list[float], dict[str, list[float]]]:
    """Ratio of audits to profiles, round by round, and what either took."""
    orders = random.Random(0)
    sums: dict[str, list[float]] = {call: [] for call in calls}
    for turn in range(rounds + 1):
        taken = dict.fromkeys(calls, 0.0)
        for name in orders.sample(names, len(names)):
            for call in orders.sample(list(calls), len(calls)):
                taken[call] += seconds(lambda call=call, name=name: calls[call](name))
        for call in calls if turn else ():  # the first round loads what all need
            sums[call].append(taken[call])
    return [audit / profile for audit, profile in zip(sums["audit"], sums["profile"], strict=True)], sums


def rule_by_rule(rounds: int) -> None:
    """What each rule takes to look at the whole catalogue, when the rules before it have reckoned what they share."""
    seen = [examine(name) for name in catalog.entries()]
    taken: dict[str, list[float]] = {rule.code: [] for rule in RULES}
    for _ in range(rounds):
        evidence = [evidence_of(one) for one in seen]
        for rule in RULES:
            taken[rule.code].append(
                sum(seconds(lambda one=one, rule=rule: list(rule.cases(one, rule.thresholds))) for one in evidence)
            )
    parts = (f"{code} {statistics.median(times) * 1e3 / len(seen):.2f}" for code, times in taken.items())
    print(f"Milliseconds a network: {', '.join(parts)}")


def memory_of(times: int, kept: bool) -> int:
    """Kilobytes that auditing the catalogue so many times over adds to this process's peak."""
    names = list(catalog.entries())
    lwprof.audit(names)
    results = []

    def one_by_one() -> None:
        for name in names * times:
            lwprof.audit(name)

    return added((lambda: results.append(lwprof.audit(names * times))) if kept else one_by_one)


def with_networks() -> bool:
    """Peak memory that audits add, of the catalogue once and three times over, each in a fresh process."""
    if not MEASURABLE:
        print("Peak memory added by audits: measured on Linux only")
        return True
    count = len(catalog.entries())
    print("Peak memory added by audits")
    held = True
    for what, most in (("dropped", DROPPED), ("kept", KEPT)):
        sizes = {}
        for times in (1, 3):
            argv = [sys.executable, __file__, "--memory", str(times), what]
            sizes[times] = int(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
        growth = (sizes[3] - sizes[1]) / (2 * count)
        held &= growth <= most
        print(
            f"  results {what:8} {count} networks {sizes[1]:6d} kB   {3 * count} networks {sizes[3]:6d} kB"
            f"   one more: {growth:4.0f} kB  (at most {most}: {'yes' if growth <= most else 'NO'})"
        )
    return held


def main() -> int:
    """Run all parts and report whether every target held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--memory", nargs=2, metavar=("TIMES", "RESULTS"), help="print what audits add, in kB")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    if options.memory:
        times, results = options.memory
        print(memory_of(int(times), results == "kept"))
        return 0
    held = [beside_profiling(options.rounds), with_networks()]
    rule_by_rule(options.rounds)
    print("All targets held." if all(held) else "Some targets were missed, see above.")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
