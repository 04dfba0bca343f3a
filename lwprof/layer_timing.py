"""Layer timing: a profile with where the time goes."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike

from torch import nn

from lwprof import analyses, collector
from lwprof.errors import InputError, check_positive
from lwprof.inputs import Inputs
from lwprof.models import Network, prepare
from lwprof.profiling import InputSize, examine_network
from lwprof.results.profile import ProfileResult
from lwprof.timing.backends import DEFAULT, check, named
from lwprof.timing.contract import ALL_CORES, CONTIGUOUS, Options
from lwprof.timing.environment import environment
from lwprof.timing.observation import check_observable, observe_layers
from lwprof.timing.portable.clock import Clock
from lwprof.timing.sampling import Progress, Rules
from lwprof.timing.targets import Target, find_targets


def time_layers(
    network: str | nn.Module | Network,
    *,
    inputs: Inputs | None = None,
    input_size: InputSize | None = None,
    batch: int = 1,
    weights_file: str | PathLike[str] | None = None,
    block: str | None = None,
    backend: str = "",
    device: str = "cpu",
    dtype: str = "",
    layout: str = CONTIGUOUS,
    threads: int = 1,
    cores: str = ALL_CORES,
    budget_s: float = 10.0,
    precision: float = 0.02,
    seed: int = 0,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> ProfileResult:
    """Profile a network as :func:`lwprof.profile` does, and time its layers; its result has ``time``.

    Calls that are looked into alternate with calls of the network as it is, so that the result says what looking costs.
    Ctrl-C ends the timing early: the result has what was measured by then, and no ``time`` if that is nothing.

    >>> result = time_layers("mbv2:width=0.35,resolution=96", budget_s=0.3)
    >>> [layer.layers for layer in result.time.layers][:2]
    [('stem.conv',), ('stem.norm',)]

    Args:
        network: as for :func:`lwprof.profile`, as are ``inputs`` to ``block``.
        inputs: what the network is called with.
        input_size: instead of ``inputs``, the shape of one input.
        batch: first dimension of the inputs that a size describes.
        weights_file: weights to load.
        block: the class that is the building block.
        backend: what to time on, of those that tell layers apart: "torch", by default, or "onnxruntime".
        device: where to time.
        dtype: what to compute in; by default what the network is built in.
        layout: how images lie in memory, "contiguous" or "channels_last".
        threads: how many the backend may use.
        cores: which processors of the CPU all threads are pinned to, as for :func:`lwprof.compare`.
        budget_s: seconds of measuring, warm-up included.
        precision: stop earlier, once the 95 % interval of the latency is at most this share of its median wide.
        seed: of inputs, order and bootstrap.
        progress: called with what is going on and the share of it that is done.
        clock: read instead of the machine's own.

    Raises:
        InputError: the network or an option is wrong, or torch cannot run the network.
        BackendError: the backend is not available, cannot run the network, computes something else than torch, or does
            not tell layers apart.
    """
    check_positive(budget_s=budget_s, precision=precision)
    target = _target(backend, Options(device, threads, seed, dtype, layout, cores=cores))
    machine = environment()
    if progress is not None:
        progress("profile", 0.0)
    found = prepare(network, inputs=inputs, input_size=input_size, batch=batch, weights_file=weights_file)
    with collector.paused():  # until the graph is gone, which the collector would walk through
        examination = examine_network(found, block)
        result, kinds = examination.result, analyses.layer_kinds(examination.graph, examination.rows)
        del examination
    subject = found.subject(result.model.inputs)
    order = [layer.name for layer in result.layers]
    rules = Rules(budget_s, precision, seed=seed)
    try:
        time = observe_layers(
            subject, target, kinds, order, rules=rules, clock=clock, machine=machine, progress=progress
        )
    except KeyboardInterrupt:
        return result
    return replace(
        result, time=replace(time, environment={**time.environment, "budget_s": budget_s, "precision": precision})
    )


def _target(backend: str, options: Options) -> Target:
    """The one target, if it tells layers apart.

    Raises:
        InputError: an option is unknown.
        BackendError: it cannot be used, or does not tell layers apart.
    """
    if not isinstance(backend, str):
        raise InputError(f"backend must be one name, not {backend!r}")
    check(options)
    check_observable(Target(named(backend or DEFAULT), options))  # first: what is missing here would not help
    (target,) = find_targets([backend] if backend else (), [options])
    return target
