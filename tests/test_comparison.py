from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fake_backends import Fake
from torch import nn

from lwprof.comparison import compare
from lwprof.errors import BackendError, InputError
from lwprof.models import Network
from lwprof.profiling import profile
from lwprof.results.loading import from_dict
from lwprof.results.networks import Published, TensorSpec
from lwprof.timing import backends
from lwprof.timing.backends.torch_eager import TorchEager
from lwprof.timing.portable.clock import Clock

SIZE = (3, 8, 8)


class Watch:
    """Time that passes only while a :class:`Slow` network runs on real tensors."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls = 0
        self.interrupt_at: int | None = None
        self.clock = Clock(lambda: self.now, tick_s=1e-7)


class Slow(nn.Module):
    def __init__(self, watch: Watch, seconds: float | Callable[[int], float] = 1.0, channels: int = 4) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, channels, 1, bias=False)
        self.watch = watch
        self.seconds = seconds

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        if image.device.type != "meta":
            if self.watch.calls == self.watch.interrupt_at:
                raise KeyboardInterrupt
            self.watch.calls += 1
            self.watch.now += self.seconds(self.watch.calls) if callable(self.seconds) else self.seconds
        return self.conv(image)


@pytest.fixture
def watch() -> Watch:
    return Watch()


def network(name: str, module: nn.Module, top1: float | None) -> Network:
    return Network(name, name, module, (TensorSpec((1, *SIZE), "float32"),), Published(top1, None, None))


def test_networks_stand_side_by_side(watch: Watch) -> None:
    result = compare([Slow(watch, 1.0), Slow(watch, 2.0, channels=8)], input_size=SIZE, batch=2, clock=watch.clock)
    first, second = result.models
    assert (first.totals.params, second.totals.params) == (12, 24)
    assert (first.totals.mult_adds, second.totals.mult_adds) == (2 * 12 * 64, 2 * 24 * 64)
    assert first.model.inputs == (TensorSpec((2, *SIZE), "float32"),)
    assert [row.timings[0].median_s for row in result.models] == [1.0, 2.0]
    assert [row.timings[0].batch for row in result.models] == [2, 2]
    assert not result.interrupted


@pytest.mark.slow
def test_ratio_is_to_the_first_network(watch: Watch) -> None:
    modules = [Slow(watch, 1.0), Slow(watch, 0.5), Slow(watch, 1.005), Slow(watch, 1.02)]
    result = compare(modules, input_size=SIZE, clock=watch.clock, budget_s=1000)
    first, *others = result.models
    assert first.relative == ()
    assert [row.relative[0].to for row in others] == ["Slow"] * 3
    assert [row.relative[0].ratio for row in others] == pytest.approx([0.5, 1.005, 1.02])
    assert [row.relative[0].verdict for row in others] == ["faster", "indistinguishable", "slower"]
    wider = compare(modules, input_size=SIZE, clock=watch.clock, margin=0.03, budget_s=1000)
    assert wider.models[3].relative[0].verdict == "indistinguishable"


@pytest.mark.slow
def test_same_spec_twice_is_built_twice() -> None:
    result = compare(["squeezenet:version=1.1,resolution=64"] * 2, budget_s=0.5)
    first, second = result.models
    assert first.model == second.model
    assert first.totals == second.totals
    assert first.timings[0].load_s != second.timings[0].load_s
    assert len(second.relative) == 1


@pytest.mark.slow
def test_costs_are_those_of_a_profile() -> None:
    (row,) = compare(["mbv2:resolution=96"], timed=False).models
    alone = profile("mbv2:resolution=96")
    assert (row.model, row.totals, row.fragmentation, row.coverage, row.published) == (
        alone.model, alone.totals, alone.fragmentation, alone.coverage, alone.published,
    )  # fmt: skip


def test_untimed_comparison_runs_nothing(watch: Watch) -> None:
    result = compare([Slow(watch), Slow(watch)], input_size=SIZE, timed=False)
    assert watch.calls == 0
    assert all(row.timings == () and row.relative == () for row in result.models)
    assert "cpu" in result.environment


def test_environment_says_how_it_was_measured(watch: Watch) -> None:
    environment = compare(
        [Slow(watch)], input_size=SIZE, clock=watch.clock, threads=1, seed=5, budget_s=200, margin=0.02
    ).environment
    expected = {"backend": "torch", "device": "cpu", "threads": 1, "seed": 5, "budget_s": 200, "margin": 0.02}
    assert {key: environment[key] for key in expected} == expected
    assert environment["torch"] == torch.__version__


def test_modules_are_left_as_they_were(watch: Watch) -> None:
    module, threads = Slow(watch), torch.get_num_threads()
    module.conv.eval()
    compare([module, module], input_size=SIZE, clock=watch.clock)
    assert (module.training, module.conv.training) == (True, False)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("wrap", [lambda image: (image,), lambda image: {"image": image}, lambda image: image])
def test_own_inputs_are_used(watch: Watch, wrap: Any) -> None:
    image = torch.rand(5, *SIZE)
    seen = []
    module = Slow(watch)
    module.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append((*args, *kwargs.values())[0]), with_kwargs=True
    )
    (row,) = compare([module], inputs=wrap(image), clock=watch.clock).models
    assert row.model.inputs == (TensorSpec((5, *SIZE), "float32"),)
    assert row.timings[0].batch == 5
    assert torch.equal(seen[-1], image)


def test_module_takes_an_image_of_its_own_dtype_by_default() -> None:
    modules = [nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 1).to(torch.float64)]
    inputs = [row.model.inputs for row in compare(modules, timed=False).models]
    assert inputs == [(TensorSpec((1, 3, 224, 224), dtype),) for dtype in ("float32", "float64")]


@pytest.mark.slow
def test_inputs_may_have_sizes_and_dtypes_of_their_own() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(1, 8, dtype=torch.float64)

        def forward(self, image: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
            return image + self.table(words).sum()

    sizes = [(3, 8, 8), TensorSpec((5,), "int64")]
    (row,) = compare([Two()], input_size=sizes, batch=2, budget_s=0.1).models
    assert row.model.inputs == (TensorSpec((2, 3, 8, 8), "float64"), TensorSpec((2, 5), "int64"))


def test_size_without_a_dtype_gets_that_of_a_users_network(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text("from torch import nn\ndef double():\n    return nn.Conv2d(3, 4, 1).double()\n")
    (row,) = compare([f"{file}:double"], input_size=(3, 8, 8), timed=False).models
    assert row.model.inputs == (TensorSpec((1, 3, 8, 8), "float64"),)


@pytest.mark.slow
def test_state_that_a_forward_changes_is_put_back() -> None:
    class Caching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1)
            self.steps = 0
            self.position: torch.Tensor | None = None

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            self.steps += 1
            if self.position is None:
                self.position = torch.rand(image.shape[-1])
            return self.conv(image) + self.position

    module, random_state = Caching(), torch.get_rng_state()
    compare([module, module], input_size=SIZE, budget_s=0.1)
    assert (module.steps, module.position) == (0, None)
    assert torch.equal(torch.get_rng_state(), random_state)
    module(torch.ones(1, *SIZE)).sum().backward()
    assert module.conv.weight.grad is not None


def test_result_survives_saving(watch: Watch) -> None:
    result = compare([network("a", Slow(watch), 70.0), network("b", Slow(watch), None)], clock=watch.clock)
    assert from_dict(result.to_dict()) == result


def test_interruption_shows_the_rounds_before(watch: Watch) -> None:
    watch.interrupt_at = 2 * (2 + 5 + 9) + 1
    result = compare([Slow(watch, 1.0), Slow(watch, 2.0)], input_size=SIZE, clock=watch.clock, budget_s=1e6)
    assert result.interrupted
    assert [row.timings[0].samples_s for row in result.models] == [(1.0,) * 9, (2.0,) * 9]
    assert result.models[1].relative[0].verdict == "slower"


def test_interruption_before_the_first_round_shows_the_structure(watch: Watch) -> None:
    watch.interrupt_at = 0
    result = compare([Slow(watch), Slow(watch)], input_size=SIZE, clock=watch.clock)
    assert result.interrupted
    assert [row.totals.params for row in result.models] == [12, 12]
    assert all(row.timings == () for row in result.models)


def test_interruption_while_profiling_shows_what_was_profiled(watch: Watch) -> None:
    def interrupt(what: str, share: float) -> None:
        if share > 0:
            raise KeyboardInterrupt

    result = compare([Slow(watch), Slow(watch), Slow(watch)], input_size=SIZE, progress=interrupt)
    assert result.interrupted
    assert len(result.models) == 1


def test_progress_goes_through_three_phases(watch: Watch) -> None:
    seen: list[tuple[str, float]] = []
    compare(
        [Slow(watch), Slow(watch)],
        input_size=SIZE,
        clock=watch.clock,
        progress=lambda what, share: seen.append((what, share)),
    )
    assert list(dict.fromkeys(what for what, _ in seen)) == ["profile", "warm-up", "timing"]
    assert all(0 <= share <= 1 for _, share in seen)


class Broken(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        raise ValueError("no such thing")


def test_network_that_fails_is_named_and_nothing_is_timed(watch: Watch) -> None:
    with pytest.raises(InputError, match=r"Broken.*no such thing"):
        compare([Slow(watch), Broken()], input_size=SIZE, clock=watch.clock)
    assert watch.calls == 0


@pytest.mark.parametrize(
    ("networks", "options", "error", "message"),
    [
        ([], {}, InputError, "nothing to compare"),
        ("mbv2", {}, InputError, "nothing to compare"),
        (["mbv2"], {"batch": 0}, InputError, "a batch of 0 is not possible"),
        (["mbv2"], {"budget_s": 0}, InputError, "budget_s must be more than 0, not 0"),
        (["mbv2"], {"precision": -0.1}, InputError, "precision must be more than 0, not -0.1"),
        (["mbv2"], {"margin": 1.5}, InputError, "margin must be a share from 0 to 1, not 1.5"),
        (["mbv2"], {"threads": 0}, InputError, "cannot run on 0 threads"),
        (["mbv2"], {"backend": "abacus"}, InputError, "unknown backend 'abacus'"),
        (["mbv2"], {"backend": ["torch", "abacus"]}, InputError, "unknown backend 'abacus'"),
        (["mbv2"], {"backend": []}, InputError, r"^backend must be a name, or a list of names, not \[\]$"),
        (["mbv2"], {"device": 3}, InputError, "^device must be a name, or a list of names, not 3$"),
        (["mbv2"], {"device": "npu"}, InputError, "^unknown device 'npu'; there is cpu"),
        (["mbv2"], {"dtype": ["float32", "float8"]}, InputError, "^unknown dtype 'float8'; there is float32"),
        (["mbv2"], {"layout": "nhwc"}, InputError, "^unknown layout 'nhwc'; there is contiguous, channels_last"),
        (["mbv2"], {"cold_l2": True}, InputError, "^only a GPU's L2 cache can be emptied"),
        (["mbv2", "mobilnet2"], {}, InputError, "mobilnet2"),
        (nn.ReLU(), {}, InputError, "nothing to compare"),
        (["mbv2", 42], {}, InputError, "^42, of type int, is neither a model spec nor an nn.Module$"),
        (["mbv2"], {"input_size": (3, -1, 8)}, InputError, r"^input_size \(3, -1, 8\) is no shape such as"),
        ([nn.ReLU()], {"input_size": "wide"}, InputError, "^input_size 'wide' is no shape such as"),
        (["mbv2"], {"inputs": "make"}, InputError, "^'make' names no function that makes inputs; write FILE.py"),
        ([nn.ReLU()], {"weights_files": ["a.pth"]}, InputError, r"^a\.pth goes with a model spec"),
        (["mbv1", "mbv2"], {"weights_files": ["a.pth"]}, InputError, "^1 file of weights for 2 networks; give one"),
        ([nn.ReLU()], {"inputs": (torch.zeros(2),), "batch": 2}, InputError, "leave out batch=2"),
        ([nn.ReLU()], {"inputs": (torch.zeros(2),), "input_size": (2,)}, InputError, "either inputs or input_size"),
        ([network("a", nn.ReLU(), 70.0)], {"inputs": (torch.zeros(2),)}, InputError, "^a has inputs of its own"),
        ([network("a", nn.ReLU(), 70.0)], {"input_size": (2,)}, InputError, "^a has inputs of its own"),
        ([network("a", nn.ReLU(), 70.0)], {"batch": 2}, InputError, "^a has inputs of its own"),
    ],
)
def test_wrong_request(networks: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        compare(networks, **options)


@pytest.fixture
def fakes(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> dict[str, Fake]:
    """Two backends beside torch on which nothing takes time but what is said."""

    def passes(seconds: float) -> None:
        if watch.calls == watch.interrupt_at:
            raise KeyboardInterrupt
        watch.calls += 1
        watch.now += seconds

    found = {name: Fake(name, passes) for name in ("quick", "small")}
    monkeypatch.setattr(backends, "BACKENDS", (TorchEager(), *found.values()))
    monkeypatch.setattr(backends, "DTYPES", ("float32", "int8"))
    return found


def pair(watch: Watch) -> list[Network]:
    return [network("a", Slow(watch, 2.0), 70.0), network("b", Slow(watch, 1.0), 69.0)]


def test_nothing_runs_where_no_backend_can_do_it(watch: Watch, fakes: dict[str, Fake]) -> None:
    with pytest.raises(BackendError, match=r"^backend torch has no dtype 'int8'; it has float32"):
        compare(pair(watch), dtype="int8")
    assert watch.calls == 0


ALL = ("torch", "quick", "small")


@pytest.mark.slow
def test_backends_are_timed_in_the_same_rounds(watch: Watch, fakes: dict[str, Fake]) -> None:
    fakes["quick"].seconds = {"a": 0.25, "b": 0.5}
    result = compare(pair(watch), backend=ALL, clock=watch.clock, budget_s=1000)
    a, b = result.models
    assert [timing.setting for timing in a.timings] == list(ALL)
    assert [timing.median_s for timing in a.timings] == [2.0, 0.25, 1.0]
    assert [timing.median_s for timing in b.timings] == [1.0, 0.5, 1.0]
    assert len({len(timing.samples_s) for model in result.models for timing in model.timings}) == 1
    assert [timing.difference for timing in a.timings] == [None, 0.0, 0.0]
    assert result.environment["backend"] == "torch, quick, small"
    assert (result.environment["quick"], result.environment["torch"]) == ("1.0", torch.__version__)


@pytest.mark.slow
def test_ratios_are_to_the_first_network_on_each_backend_and_to_the_first_backend_of_each_network(
    watch: Watch, fakes: dict[str, Fake]
) -> None:
    fakes["quick"].seconds = {"a": 0.25, "b": 0.5}
    a, b = compare(pair(watch), backend=ALL, clock=watch.clock, budget_s=1000).models
    assert a.relative == ()
    assert [(one.setting, one.to, one.ratio, one.verdict) for one in b.relative] == [
        ("torch", "a", 0.5, "faster"), ("quick", "a", 2.0, "slower"), ("small", "a", 1.0, "indistinguishable"),
    ]  # fmt: skip
    assert [(one.setting, one.to, one.ratio) for one in a.across] == [
        ("quick", "torch", 0.125),
        ("small", "torch", 0.5),
    ]
    assert [one.ratio for one in b.across] == [0.5, 1.0]
    assert [b.relative_of(timing) for timing in b.timings] == list(b.relative)
    assert [model.pareto for model in (a, b)] == [True, True]  # on torch; on the quick one, a dominates


@pytest.mark.slow
def test_front_is_that_of_the_first_backend(watch: Watch, fakes: dict[str, Fake]) -> None:
    fakes["quick"].seconds = {"a": 0.25, "b": 0.5}
    first = compare(pair(watch), backend=("quick", "torch"), clock=watch.clock, budget_s=1000)
    assert [model.pareto for model in first.models] == [True, False]


@pytest.mark.slow
def test_every_network_and_setting_that_is_timed_has_its_seconds(watch: Watch, fakes: dict[str, Fake]) -> None:
    fakes["small"].missing = "small is not installed"
    environment = compare(pair(watch), backend=ALL, dtype=("float32", "int8"), clock=watch.clock).environment
    assert environment["budget_s"] == 2 * 3 * 5  # two networks on torch float32, quick float32 and quick int8
    assert compare(pair(watch), clock=watch.clock).environment["budget_s"] == 2 * 5


@pytest.mark.slow
def test_missing_backend_keeps_the_other_rows(watch: Watch, fakes: dict[str, Fake]) -> None:
    fakes["quick"].missing = "quick is not installed"
    result = compare(pair(watch), backend=ALL, clock=watch.clock, budget_s=1000)
    assert [[timing.setting for timing in model.timings] for model in result.models] == [["torch", "small"]] * 2
    for model in result.models:
        (untimed,) = model.untimed
        assert (untimed.setting, untimed.failed) == ("quick", True)
        assert untimed.reason == "quick is not installed: pip install 'lwprof[quick]'"
    assert fakes["quick"].loads == []
    fakes["small"].missing = "small is broken"
    calls = watch.calls
    with pytest.raises(BackendError, match=r"^quick is not installed: pip install 'lwprof\[quick\]'"):
        compare(pair(watch), backend=("quick", "small"), clock=watch.clock)
    assert watch.calls == calls


@pytest.mark.slow
def test_network_that_a_backend_cannot_load_is_compared_where_it_can(watch: Watch, fakes: dict[str, Fake]) -> None:
    fakes["quick"].refuses = {"a": "no operator aten::odd in layers.3"}
    networks = [*pair(watch), network("c", Slow(watch, 1.0), None)]
    a, b, c = compare(networks, backend=ALL, clock=watch.clock, budget_s=1000).models
    assert [item.reason for item in a.untimed] == ["no operator aten::odd in layers.3"]
    assert [timing.setting for timing in a.timings] == ["torch", "small"]
    assert [(one.setting, one.to) for one in b.relative] == [("torch", "a"), ("small", "a")]
    assert [(one.setting, one.to) for one in c.relative] == [("torch", "a"), ("quick", "b"), ("small", "a")]


def test_wrong_results_are_not_timed(watch: Watch, fakes: dict[str, Fake]) -> None:
    fakes["quick"].wrong_by = 0.01
    a, _ = compare(pair(watch), backend=("torch", "quick"), clock=watch.clock, budget_s=1000).models
    (untimed,) = a.untimed
    assert untimed.difference == pytest.approx(0.01)
    assert "quick computes something else than torch for a" in untimed.reason
    assert [timing.setting for timing in a.timings] == ["torch"]


def test_dtypes_are_combined_with_the_backends_that_have_them(watch: Watch, fakes: dict[str, Fake]) -> None:
    (row,) = compare(
        pair(watch)[:1], backend=("torch", "quick"), dtype=("float32", "int8"), clock=watch.clock, budget_s=1000
    ).models
    assert [timing.setting for timing in row.timings] == ["torch float32", "quick float32", "quick int8"]
    assert [timing.dtype for timing in row.timings] == ["float32", "float32", "int8"]
    assert row.untimed == ()


def test_interruption_while_something_is_loaded_shows_what_is_known(watch: Watch, fakes: dict[str, Fake]) -> None:
    def press() -> None:
        raise KeyboardInterrupt

    fakes["quick"].refuses = {"a": "no such operator"}
    fakes["small"].when_loading = press
    result = compare(pair(watch), backend=ALL, clock=watch.clock)
    assert result.interrupted
    assert [model.totals.params for model in result.models] == [12, 12]
    assert all(model.timings == () for model in result.models)
    assert [item.reason for _, item in result.untimed()] == ["no such operator"]


def test_result_of_several_backends_survives_saving(watch: Watch, fakes: dict[str, Fake]) -> None:
    fakes["small"].missing = "small is not installed"
    result = compare(pair(watch), backend=ALL, clock=watch.clock)
    assert from_dict(result.to_dict()) == result


@pytest.mark.slow
def test_onnx_file_is_timed_where_files_run(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    file = tmp_path / "net.onnx"
    torch.onnx.export(module.eval(), (torch.rand(1, *SIZE),), str(file), dynamo=False)
    result = compare([str(file), module], input_size=SIZE, backend=("torch", "onnxruntime"), budget_s=0.5)
    of_file, of_module = result.models
    assert [timing.setting for timing in of_file.timings] == ["onnxruntime"]
    assert [(item.setting, item.failed) for item in of_file.untimed] == [("torch", False)]
    assert "does not run ONNX files" in of_file.untimed[0].reason
    assert [timing.setting for timing in of_module.timings] == ["torch", "onnxruntime"]
    assert [one.setting for one in of_module.relative] == ["onnxruntime"]


@pytest.mark.slow
def test_front_is_marked_in_the_result(watch: Watch) -> None:
    networks = [
        network("good", Slow(watch, 1.0, channels=4), 72.0),
        network("worse", Slow(watch, 2.0, channels=2), 70.0),
        network("unknown", Slow(watch, 0.1, channels=1), None),
    ]
    assert [row.pareto for row in compare(networks, clock=watch.clock, budget_s=1e4).models] == [True, False, None]
    untimed = compare(networks, timed=False).models  # mult-adds instead: worse is smaller
    assert [row.pareto for row in untimed] == [True, True, None]
    watch.interrupt_at = watch.calls + 3 * (2 + 5 + 4) + 1
    early = compare(networks, clock=watch.clock, budget_s=1e4)
    assert len(early.models[0].timings[0].samples_s) == 4
    assert [row.pareto for row in early.models] == [None, None, None]


@pytest.mark.slow
def test_accuracies_on_different_data_sets_are_not_compared() -> None:
    placed = [model.pareto for model in compare(["mbv2", "effnet", "mbv1"], timed=False).models]
    assert placed == [True, None, False]
    assert [model.pareto for model in compare(["effnet", "addernet_resnet20"], timed=False).models] == [False, True]
