"""Counts: what layers and their alternatives execute on an emulated core."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lwprof.auditing.alternatives import Layer, Pair, layer, share, subject
from lwprof.auditing.instruction_limits import TOLERANCE
from lwprof.errors import InputError
from lwprof.results.audit import Alternative, CountedGain, Form
from lwprof.results.document import Scalar
from lwprof.results.latency import Counted, Timing, Untimed
from lwprof.timing.latency import Subject, time_subjects
from lwprof.timing.portable.clock import Clock
from lwprof.timing.sampling import Progress
from lwprof.timing.targets import Target

FEWER, MORE, SAME = "fewer", "more", "the same"

TOGETHER = 4
"""Pairs whose layers are counted in one emulated process: starting one takes longer than counting a layer."""

LEAST = 1_000
"""Fewer instructions than this tell nothing: two counts of one layer are some hundreds apart, those of calling it."""

INTERRUPTED = "interrupted before it was counted"


def outcomes(
    pairs: Mapping[Pair, Alternative],
    target: Target,
    seconds: float,
    record: dict[str, Scalar],
    clock: Clock,
    progress: Progress | None,
) -> Iterator[tuple[Pair, CountedGain | str]]:
    """Count the pairs in their order, a layer that stands in several of them once.

    What was counted on is added to the ``record``.

    Raises:
        KeyboardInterrupt: pressed by somebody; the pairs that were complete have come before.
    """
    start = clock.now()
    known: dict[Layer, Counted | str] = {}
    waiting = list(pairs.items())
    for place in range(0, len(waiting), TOGETHER):
        some = waiting[place : place + TOGETHER]
        if clock.now() - start >= seconds:
            yield from ((pair, f"the {seconds:g} s for measuring were spent on costlier findings") for pair, _ in some)
            continue
        shown = share(progress, place, len(waiting), len(some))
        forms = {layer(form): form for _, item in some for form in (item.before, item.after)}
        interrupted = _count(
            {key: form for key, form in forms.items() if key not in known}, known, target, record, shown
        )
        for pair, _ in some:
            yield pair, _outcome(*(known.get(item, INTERRUPTED) for item in pair))
        if interrupted:
            raise KeyboardInterrupt


def _count(
    forms: Mapping[Layer, Form],
    known: dict[Layer, Counted | str],
    target: Target,
    record: dict[str, Scalar],
    progress: Progress | None,
) -> bool:
    """Count layers in one emulated process, and say whether Ctrl-C ended it."""
    subjects: dict[Layer, Subject] = {}
    for key, form in forms.items():
        try:
            subjects[key] = subject(form, target.options.seed)
        except InputError as error:
            known[key] = str(error)
    if not subjects:
        return False
    found = time_subjects(list(subjects.values()), [target], machine=record, progress=progress, together=True)
    record.update(found.environment)
    for key, row in zip(subjects, found.outcomes, strict=True):
        for item in row:
            if not isinstance(item, Timing):
                known[key] = item.reason if isinstance(item, Untimed) else item
        if not row and found.failure:
            known[key] = found.failure
    return found.interrupted


def _outcome(before: Counted | str, after: Counted | str) -> CountedGain | str:
    """What the alternative gained, or why that is not known."""
    if isinstance(before, str):
        return before
    if isinstance(after, str):
        return after
    totals = after.instructions.total, before.instructions.total
    told = abs(totals[0] - totals[1]) > max(TOLERANCE * totals[1], LEAST)
    return CountedGain(
        backend=before.backend,
        device=before.device,
        core=before.core,
        runtime=before.runtime,
        dtype=before.dtype,
        before=before.instructions,
        after=after.instructions,
        ratio=totals[0] / totals[1],
        verdict=SAME if not told else FEWER if totals[0] < totals[1] else MORE,
    )
