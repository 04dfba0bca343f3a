"""Experiments: the tables of the ShuffleNetV2 paper (arXiv 1807.11164), measured here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lwprof.errors import InputError, check_positive, check_share, near
from lwprof.timing.contract import ALL_CORES, CONTIGUOUS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lwprof.experiments.plans import Column, Plan
    from lwprof.results.experiment import ExperimentResult
    from lwprof.timing.portable.clock import Clock
    from lwprof.timing.sampling import Progress

EXPERIMENTS = ("g1", "g2", "g3", "g4", "table8")


def experiment(
    name: str,
    *,
    columns: str = "",
    backend: str = "",
    device: str = "cpu",
    dtype: str = "",
    layout: str = CONTIGUOUS,
    threads: int = 1,
    cores: str = ALL_CORES,
    batch: int | None = None,
    budget_s: float | None = None,
    precision: float = 0.02,
    margin: float = 0.01,
    seed: int = 0,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> ExperimentResult:
    """Measure a table of the ShuffleNetV2 paper here, and hold it against the paper's figures.

    The networks of a column are timed in the same interleaved rounds. A network that the backend cannot load, or that
    fails, stands in ``untimed``, and the others are timed. Ctrl-C ends it early: what is known by then is returned,
    with ``interrupted`` set.

    Args:
        name: "g1" to "g4" for Tables 1 to 4, or "table8".
        columns: parts of the table, with commas between them: "ARM x1,ARM x2", all of a side ("arm"), or "all". By
            default those of the paper's GPU on a GPU, else those of its ARM core, and all of Table 8.
        backend: what to time on; by default ncnn on boards, else torch.
        device: where to time. Instructions, which emulated cores count, are no speeds.
        dtype: what to compute in; by default float32.
        layout: how images lie in memory, "contiguous" or "channels_last".
        threads: how many the backend may use.
        cores: which processors of the CPU all threads are pinned to.
        batch: images in one call; by default 1, and of Table 8 on a GPU 8, as in the paper.
        budget_s: seconds of measuring for all columns together, warm-up included; by default 12 for each column, and
            60 for Table 8. Conversion and loading take their own time.
        precision: stop earlier, once every 95 % interval is at most this share of its median wide.
        margin: a difference matters when the whole 95 % interval of the ratio is beyond this.
        seed: of weights, inputs, order and bootstrap.
        progress: called with what is going on and the share of it that is done.
        clock: read instead of the machine's own.

    Raises:
        InputError: there is no such experiment, column or option.
        BackendError: the backend or device is not available.
    """
    name = check(name)
    for what, value in (("columns", columns), ("backend", backend)):
        if not isinstance(value, str):
            raise InputError(f"{what} must be one text, with commas between several columns, not {value!r}")
    check_positive(budget_s=budget_s, precision=precision)
    check_share("margin", margin)
    from lwprof.experiments import measuring, outcome
    from lwprof.experiments.plans import PLANS
    from lwprof.experiments.tables import ARM, GPU
    from lwprof.timing.contract import Options
    from lwprof.timing.devices import CUDA, EMULATED, parse
    from lwprof.timing.environment import environment
    from lwprof.timing.sampling import Rules
    from lwprof.timing.targets import find_targets

    if parse(device).kind == EMULATED:
        raise InputError(
            f"{device} counts instructions, and the paper's tables are of speeds, which memory access decides as well; "
            "name a device that can be timed, such as cpu or ssh://user@board"
        )
    options = Options(device, threads, seed, dtype, layout, cores=cores)
    plan, side = PLANS[name](), GPU if parse(device).kind == CUDA else ARM
    wanted = _columns(plan, columns, side)
    (target,) = find_targets([backend] if backend else (), [options])
    images = plan.batches[side] if batch is None else batch
    if budget_s is None:
        budget_s = plan.budget_s * (1 if plan.together else len(wanted))
    found = measuring.measure(
        plan,
        wanted,
        target,
        Rules(budget_s, precision, single_calls=0, seed=seed),
        images,
        environment(),
        progress,
        clock,
    )
    found.environment.update(budget_s=budget_s, precision=precision, margin=margin)
    return outcome.result(plan, wanted, found, target, images, margin, seed)


def check(name: str) -> str:
    """Give the name of an experiment as it is spelled here.

    Raises:
        InputError: there is none of that name.
    """
    if (found := str(name).strip().lower()) in EXPERIMENTS:
        return found
    known = ", ".join(EXPERIMENTS)
    raise InputError(f"unknown experiment {name!r}; choose one of {known}{near(str(name), EXPERIMENTS)}")


def _columns(plan: Plan, wanted: str, side: str) -> Sequence[Column]:
    """Those that are named, in the table's order; by default those of a side, or all where they have both."""
    if not wanted.strip():
        return [column for column in plan.columns if column.side in (side, "")]
    names: set[str] = set()
    for word in wanted.split(","):
        key = word.strip().casefold()
        chosen = {
            column.name for column in plan.columns if key in (column.name.casefold(), column.side.casefold(), "all")
        }
        if not chosen or not key:
            known = [*dict.fromkeys(column.side for column in plan.columns if column.side), "all"]
            raise InputError(
                f"{plan.name} has no column {word.strip()!r}; choose among "
                f"{', '.join(column.name for column in plan.columns)}, or {' or '.join(known)}"
            )
        names |= chosen
    return [column for column in plan.columns if column.name in names]
