"""Layers of networks whose calls take exactly as long as they are told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from fake_backends import Fake
from torch import nn

from lwprof.errors import BackendError, InputError
from lwprof.results.layer_times import LayerTimes
from lwprof.results.networks import TensorSpec
from lwprof.timing.backends import Options
from lwprof.timing.backends.torch_layers import observed
from lwprof.timing.contract import LayerCall, Loaded, Observed, ObservedCall, Source
from lwprof.timing.observation import observe_layers
from lwprof.timing.placement import Placed
from lwprof.timing.portable.clock import Clock
from lwprof.timing.preparation import Subject
from lwprof.timing.sampling import Rules
from lwprof.timing.targets import Target, find_targets

IMAGE = (TensorSpec((1, 3, 8, 8), "float32"),)
LONG = Rules(budget_s=1e6, single_calls=0)


class Takes(nn.Module):
    """Takes so many seconds for itself, calls what is inside, and takes as many again."""

    def __init__(self, machine: Any, seconds: float | Callable[[int], float], *inside: nn.Module) -> None:
        super().__init__()
        self.work = machine.contender(str(seconds), seconds).run
        self.inside = nn.ModuleList(inside)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        self.work()
        for module in self.inside:
            image = module(image)
        if len(self.inside):
            self.work()
        return image


def observe(
    machine: Any, network: nn.Module, kinds: Mapping[str, str] | None = None, rules: Rules = LONG
) -> LayerTimes:
    """Observe on torch; without ``kinds`` every module that is no ModuleList computes something."""
    names = [name for name, module in network.named_modules() if not isinstance(module, nn.ModuleList)]
    (target,) = find_targets(["torch"])
    subject = Subject("net", network, IMAGE)
    found = dict.fromkeys(names, "work") if kinds is None else kinds
    return observe_layers(subject, target, found, names, rules=rules, clock=machine.clock, machine={})


def medians(times: LayerTimes) -> dict[str, float]:
    return {layer.layers[0]: layer.median_s for layer in times.layers}


def attributes(network: nn.Module) -> list[tuple[dict[str, Any], bool]]:
    return [(dict(vars(module)), module.training) for module in network.modules()]


def test_a_layer_has_its_own_time_without_the_layers_inside_it(machine: Any) -> None:
    network = Takes(machine, 0.5, Takes(machine, 2.0, Takes(machine, 4.0), Takes(machine, 8.0)), Takes(machine, 16.0))
    times = observe(machine, network)
    assert medians(times) == {
        "": 1.0, "inside.0": 4.0, "inside.0.inside.0": 4.0, "inside.0.inside.1": 8.0, "inside.1": 16.0,
    }  # fmt: skip
    assert times.unattributed.median_s == 0.0
    assert times.timing.median_s == 33.0
    assert times.timing.samples_s == (33.0,) * 20
    assert {len(layer.samples_s) for layer in times.layers} == {20}
    assert times.observed.ratio == 1.0


def test_calls_of_a_module_are_added_and_a_shared_one_has_its_first_name(machine: Any) -> None:
    shared = Takes(machine, 2.0)
    network = Takes(machine, 0.5, shared, Takes(machine, 4.0, shared), shared)
    times = observe(machine, network)
    assert medians(times) == {"": 1.0, "inside.0": 6.0, "inside.1": 8.0}
    assert [(span.layers, span.start_s, span.duration_s) for span in times.spans] == [
        (("",), 0.0, 15.0),
        (("inside.0",), 0.5, 2.0),
        (("inside.1",), 2.5, 10.0),
        (("inside.0",), 6.5, 2.0),
        (("inside.0",), 12.5, 2.0),
    ]


def test_what_computes_nothing_is_unattributed_and_all_adds_up_in_every_sample(machine: Any) -> None:
    uneven = [float(2 ** (calls % 3)) for calls in range(10_000)]
    leaf, odd = Takes(machine, uneven.__getitem__), Takes(machine, lambda calls: 0.25 * (calls % 5))
    network = Takes(machine, 0.5, leaf, Takes(machine, 0.125, odd))
    times = observe(machine, network, {"inside.0": "conv", "inside.1.inside.0": "linear"})
    assert [layer.layers for layer in times.layers] == [("inside.0",), ("inside.1.inside.0",)]
    assert set(times.unattributed.samples_s) == {1.25}
    sums = [sum(samples) for samples in zip(*(layer.samples_s for layer in times.layers), strict=True)]
    assert {total - 1.25 for total in sums} <= {a + 0.25 * b - 1.25 for a in (1.0, 2.0, 4.0) for b in range(5)}
    assert len(set(sums)) > 5


@pytest.mark.slow
def test_time_of_a_kind_is_the_sum_of_its_layers(machine: Any) -> None:
    uneven = Takes(machine, lambda calls: 2.0 + calls * 7 % 16 / 8)
    network = nn.Sequential(uneven, Takes(machine, 1.5), Takes(machine, 4.0), Takes(machine, 0.0))
    times = observe(machine, network, {"0": "linear", "1": "linear", "2": "conv", "3": "pooling"})
    first = times.layers[0]
    assert [(layer.layers[0], layer.kind) for layer in times.layers] == [
        ("0", "linear"),
        ("1", "linear"),
        ("2", "conv"),
    ]
    assert first.ci95_s[0] < first.ci95_s[1]
    assert [(kind.kind, kind.median_s, kind.ci95_s) for kind in times.kinds] == [
        ("linear", first.median_s + 1.5, (first.ci95_s[0] + 1.5, first.ci95_s[1] + 1.5)),
        ("conv", 4.0, (4.0, 4.0)),
    ]


def test_a_disturbance_that_hits_another_layer_each_time_is_not_the_time_of_their_kind(machine: Any) -> None:
    hit = [0]

    def seconds(place: int) -> Callable[[int], float]:
        def taken(calls: int) -> float:
            hit[0] += place == 0
            return 9.0 if hit[0] % 4 == place else 1.0

        return taken

    network = nn.Sequential(*(Takes(machine, seconds(place)) for place in range(4)))
    times = observe(machine, network, dict.fromkeys("0123", "conv"))
    assert times.timing.median_s == 12.0
    assert times.kinds[0].median_s == sum(layer.median_s for layer in times.layers) == 4.0


def test_warm_up_is_left_out(machine: Any) -> None:
    network = nn.Sequential(Takes(machine, lambda calls: max(1.0, 3.0 - 0.05 * calls)), Takes(machine, 1.0))
    times = observe(machine, network)
    assert times.layers[0].samples_s == (1.0,) * 20


@pytest.mark.slow
def test_a_sample_of_short_calls_is_their_mean(machine: Any) -> None:
    by_turns = Takes(machine, lambda calls: 2e-4 if calls % 2 else 4e-4)
    times = observe(machine, nn.Sequential(by_turns, Takes(machine, 1e-5)), rules=Rules(0.2, single_calls=0))
    assert times.timing.calls_per_sample == 5
    assert times.layers[1].samples_s == pytest.approx([1e-5] * len(times.timing.samples_s))
    assert len(times.spans) == 3
    assert {round(sample, 6) for sample in times.layers[0].samples_s} <= {2.8e-4, 3.2e-4}


def test_looking_is_paid_for_by_the_calls_that_are_looked_into(machine: Any) -> None:
    def now() -> float:
        machine.now += 0.25
        return float(machine.now)

    network = nn.Sequential(Takes(machine, 4.0), Takes(machine, 2.0))
    (target,) = find_targets(["torch"])
    kinds = {"0": "work", "1": "work"}
    times = observe_layers(
        Subject("net", network, IMAGE), target, kinds, ["", "0", "1"],
        rules=LONG, clock=Clock(now, 1e-7), machine={},
    )  # fmt: skip
    assert times.timing.median_s == 6.25
    assert times.observed.ratio == pytest.approx((6.25 + 2 * 3 * 0.25 + 2 * 0.25) / 6.25)
    assert (times.observed.verdict, times.observed.to) == ("slower", "net")
    assert medians(times) == {"0": 4.25, "1": 2.25}
    assert times.unattributed.median_s == 1.25  # what is read around them, and around the network


def test_a_network_is_as_it_was_before(machine: Any) -> None:
    network = Takes(machine, 0.5, Takes(machine, 2.0)).train()
    before = attributes(network)
    observe(machine, network)
    assert attributes(network) == before


def placed(network: nn.Module) -> Placed:
    return Placed.of(Source("net", network, (torch.zeros(1),)), Options())


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_network_is_as_it_was_also_after_an_exception(machine: Any, error: type[BaseException]) -> None:
    def seconds(calls: int) -> float:
        if calls == 1:
            raise error
        return 2.0

    network = Takes(machine, 0.5, Takes(machine, 1.0, Takes(machine, seconds)))
    before = attributes(network)
    watch = observed(placed(network), machine.clock)
    watch.before()
    watch.run()
    with pytest.raises(error):
        watch.run()
    assert attributes(network) != before
    watch.rest()
    assert attributes(network) == before
    (call,) = watch.calls()
    assert (call.total_s, [layer.own_s for layer in call.layers]) == (5.0, [1.0, 2.0, 2.0])


def test_a_call_that_caught_an_error_inside_is_whole(machine: Any) -> None:
    class Careful(Takes):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            try:
                return super().forward(image)
            except ValueError:
                return image

    def raises(calls: int) -> float:
        raise ValueError

    watch = observed(placed(Careful(machine, 0.5, Takes(machine, 2.0), Takes(machine, raises))), machine.clock)
    watch.before()
    watch.run()
    (call,) = watch.calls()
    assert [(layer.layers, layer.own_s) for layer in call.layers] == [
        (("",), 0.5), (("inside.0",), 2.0), (("inside.1",), 0.0),
    ]  # fmt: skip


def test_what_the_user_put_in_place_of_a_call_is_kept(machine: Any) -> None:
    layer = Takes(machine, 2.0)
    layer.__dict__["_call_impl"] = mine = layer.forward
    times = observe(machine, nn.Sequential(layer))
    assert medians(times) == {"0": 2.0}
    assert layer.__dict__["_call_impl"] is mine


def test_interrupted_it_gives_what_whole_rounds_showed(machine: Any) -> None:
    machine.interrupt_at = 50
    times = observe(machine, nn.Sequential(Takes(machine, 2.0), Takes(machine, 1.0)), rules=Rules(1e6))
    assert times.interrupted
    assert times.timing.stopped == "interrupted"
    assert medians(times) == {"0": 2.0, "1": 1.0}
    assert {len(layer.samples_s) for layer in times.layers} == {len(times.timing.samples_s)}
    assert 3 <= len(times.timing.samples_s) < 20


def test_interrupted_before_the_first_round_it_has_nothing(machine: Any) -> None:
    machine.interrupt_at = 3
    network = Takes(machine, 2.0)
    before = attributes(network)
    with pytest.raises(KeyboardInterrupt):
        observe(machine, network)
    assert attributes(network) == before


def test_a_network_that_raises_is_an_error_in_one_line(machine: Any) -> None:
    def fails(calls: int) -> float:
        raise ValueError("not\ntoday")

    with pytest.raises(InputError, match=r"^net cannot be timed: ValueError: not$"):
        observe(machine, Takes(machine, fails))


def test_calls_in_other_threads_belong_to_who_waits_for_them(machine: Any) -> None:
    class Apart(Takes):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            thread = threading.Thread(target=super().forward, args=(image,))
            thread.start()
            thread.join()
            return image

    assert medians(observe(machine, Apart(machine, 0.5, Takes(machine, 2.0)))) == {"": 3.0}


def test_what_is_called_without_the_module_belongs_to_its_caller(machine: Any) -> None:
    class Direct(Takes):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return self.inside[0].forward(image)

    assert medians(observe(machine, Direct(machine, 0.5, Takes(machine, 2.0, Takes(machine, 4.0))))) == {
        "": 4.0, "inside.0.inside.0": 4.0,
    }  # fmt: skip


def test_a_compiled_module_is_one_layer_with_all_inside_it(machine: Any) -> None:
    inner = nn.Sequential(Takes(machine, 2.0), Takes(machine, 4.0))
    inner._compiled_call_impl = inner._call_impl  # type: ignore[assignment]  # what inner.compile() sets
    watch = observed(placed(nn.Sequential(Takes(machine, 1.0), inner)), machine.clock)
    watch.before()
    watch.run()
    (call,) = watch.calls()
    assert [(layer.layers, layer.own_s) for layer in call.layers] == [
        (("",), 0.0),
        (("0",), 1.0),
        (("1", "1.0", "1.0.inside", "1.1", "1.1.inside"), 6.0),
    ]


class Observing(Fake):
    """Runs layers in groups; every call takes two seconds, and an observed one three."""

    def __init__(self, passes: Callable[[float], None], groups: Mapping[tuple[str, ...], float], keeps: int = 10_000):
        super().__init__("fused", passes)
        self.groups, self.keeps = groups, keeps

    def observes(self, device: str) -> bool:
        return True

    def load(self, source: Source, options: Options, folder: Any) -> Loaded:
        loaded = super().load(source, options, folder)
        made: list[ObservedCall] = []

        def run() -> None:
            self.passes(3.0)
            made.append(ObservedCall(3.0, tuple(LayerCall(*item) for item in self._calls())))

        def look(clock: Clock) -> Observed:
            return Observed(run, lambda: None, lambda: None, lambda: made[: self.keeps])

        loaded.observe = look
        return loaded

    def _calls(self) -> Any:
        return [(names, 0.0, own, own) for names, own in self.groups.items()]


def on_fused(machine: Any, groups: Mapping[tuple[str, ...], float], keeps: int = 10_000) -> LayerTimes:
    def passes(seconds: float) -> None:
        machine.now += seconds

    target = Target(Observing(passes, groups, keeps), Options())
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3))
    kinds = {"3": "costly conv", "0": "conv", "1": "normalization", "2": "activation"}
    subject = Subject("net", network, IMAGE)
    return observe_layers(
        subject, target, kinds, ["", "0", "1", "2", "3"], rules=LONG, clock=machine.clock, machine={}
    )  # fmt: skip


def test_layers_that_run_as_one_have_the_kind_of_the_costliest(machine: Any) -> None:
    times = on_fused(machine, {("3",): 0.25, ("2", "0", "1"): 1.0, (): 0.5, ("unknown",): 0.5})
    assert [(layer.layers, layer.kind, layer.median_s) for layer in times.layers] == [
        (("2", "0", "1"), "conv", 1.0),
        (("3",), "costly conv", 0.25),
    ]
    assert times.unattributed.median_s == 1.75
    assert times.observed.ratio == 3.0


def test_rounds_whose_calls_a_runtime_did_not_keep_are_left_out(machine: Any) -> None:
    times = on_fused(machine, {("0",): 1.0}, keeps=15)
    assert 0 < len(times.layers[0].samples_s) < 20
    with pytest.raises(BackendError, match="fused kept no times of the layers of net"):
        on_fused(machine, {("0",): 1.0}, keeps=0)
