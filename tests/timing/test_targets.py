"""What networks are timed on: every combination that can be."""

from __future__ import annotations

from typing import Any

import pytest

from lwprof.errors import BackendError, InputError
from lwprof.timing import backends
from lwprof.timing.backends import BACKENDS, Options
from lwprof.timing.emulation import counting
from lwprof.timing.targets import Target, find_targets


class Offer:
    """A backend that offers what it is made with."""

    runs_files = False

    def __init__(
        self,
        name: str,
        reason: str | None = None,
        dtypes: Any = ("float32",),
        layouts: Any = ("contiguous",),
        devices: Any = ("cpu",),
    ):
        self.name, self.extra, self.reason = name, name, reason
        self.devices, self.dtypes, self.layouts = devices, dtypes, layouts

    def unavailable(self, device: str) -> str | None:
        return self.reason

    def is_reference(self, options: Options) -> bool:
        return self.name == "a"


@pytest.fixture(autouse=True)
def _offers(monkeypatch: pytest.MonkeyPatch) -> None:
    offers = (
        Offer("a", dtypes=("float32", "bfloat16"), layouts=("contiguous", "channels_last")),
        Offer("b"),
        Offer("gone", "gone is not installed"),
    )
    monkeypatch.setattr(backends, "BACKENDS", offers)
    assert len(BACKENDS) > 3  # the real ones, which are not asked here


def settings(*given: Any) -> list[tuple[str, bool]]:
    return [(target.setting, target.unusable is None) for target in find_targets(*given)]


def test_targets_come_in_the_order_of_the_request() -> None:
    assert settings(["b", "a"]) == [("b", True), ("a", True)]
    assert settings(["a", "b", "a"]) == [("a", True), ("b", True)]


def test_option_is_left_out_where_another_backend_takes_it() -> None:
    choices = [Options(), Options(dtype="bfloat16")]
    assert settings(["a", "b"], choices) == [("a", True), ("a bfloat16", True), ("b", True)]


def test_backend_that_is_missing_is_a_target_with_a_reason() -> None:
    found = find_targets(["a", "gone"])
    assert [target.unusable for target in found] == [None, "gone is not installed: pip install 'lwprof[gone]'"]


def test_backend_that_takes_none_of_the_options_is_a_target_with_a_reason() -> None:
    found = find_targets(["a", "b"], [Options(dtype="bfloat16")])
    assert [target.unusable for target in found] == [None, "backend b has no dtype 'bfloat16'; it has float32"]


@pytest.mark.parametrize(
    ("names", "options", "error", "message"),
    [
        (["gone"], Options(), BackendError, "gone is not installed: pip install 'lwprof[gone]'"),
        (
            ["b"],
            Options(layout="channels_last"),
            BackendError,
            "backend b has no layout 'channels_last'; it has contiguous",
        ),
        (["a", "zebra"], Options(), InputError, "unknown backend 'zebra'; there is a, b, gone"),
        (["a"], Options(threads=0), InputError, "cannot run on 0 threads; give 1 or more"),
        (["a"], Options(layout="blocked"), InputError, "unknown layout 'blocked'; there is contiguous, channels_last"),
    ],
)
def test_nothing_to_time_on(names: list[str], options: Options, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        find_targets(names, [options])
    assert str(raised.value) == message


def test_setting_names_what_was_chosen() -> None:
    backend: Any = Offer("torch")
    chosen = Options(device="cuda", dtype="float16", layout="channels_last", cold_l2=True)
    assert Target(backend, chosen).setting == "torch cuda float16 channels_last cold L2"


def test_reference_is_one_that_can_be_used() -> None:
    backend: Any = Offer("a")
    assert Target(backend, Options()).is_reference
    assert not Target(backend, Options(), "broken").is_reference


EMULATED = "arm-emulated:cortex-a76"


@pytest.fixture
def arm(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Backends that are taken by default, and what is wrong with emulated cores."""
    wrong: dict[str, str] = {}
    offers = (
        Offer("torch", devices=("cpu", "cuda")),
        Offer("ncnn", dtypes=("float32", "float16"), devices=("cpu", "arm-emulated", "ssh")),
        Offer("gone", "gone is not installed", devices=("arm-emulated",)),
    )
    monkeypatch.setattr(backends, "BACKENDS", offers)
    monkeypatch.setattr(counting, "unavailable", lambda device, dtype: wrong.get(device.core))
    return wrong


def on(*given: Any) -> list[tuple[str, str, str | None]]:
    return [(target.backend.name, target.options.device, target.unusable) for target in find_targets(*given)]


@pytest.mark.parametrize("devices", [("cpu", "arm-emulated", "ssh://pi@board"), ("ssh://pi@board", "cpu")])
def test_each_device_takes_its_own_backend_where_none_is_named(arm: Any, devices: tuple[str, ...]) -> None:
    usual = {"cpu": ("torch", "cpu"), "arm-emulated": ("ncnn", EMULATED), "ssh://pi@board": ("ncnn", "ssh://pi@board")}
    choices = [Options(device) for device in devices]
    assert on((), choices) == [(*usual[device], None) for device in devices]


def test_backends_are_combined_with_the_devices_that_they_have(arm: Any) -> None:
    choices = [Options("cpu"), Options("arm-emulated")]
    assert on(["torch", "ncnn"], choices) == [("torch", "cpu", None), ("ncnn", "cpu", None), ("ncnn", EMULATED, None)]


def test_core_is_the_same_under_both_of_its_names(arm: Any) -> None:
    assert on((), [Options("arm-emulated"), Options(EMULATED)]) == [("ncnn", EMULATED, None)]


def test_one_thread_is_emulated_whatever_is_asked_for(arm: Any) -> None:
    found = find_targets((), [Options("arm-emulated", threads=4), Options("cpu", threads=4)])
    assert [target.options.threads for target in found] == [1, 4]
    assert [target.is_counted for target in found] == [True, False]


def test_backend_says_which_devices_it_has_as_people_write_them(arm: Any) -> None:
    with pytest.raises(BackendError, match=r"^backend torch has no device 'arm-emulated'; it has cpu, cuda$"):
        find_targets(["torch"], [Options("arm-emulated")])
    with pytest.raises(
        BackendError, match=r"^backend ncnn has no device 'cuda'; it has cpu, arm-emulated, ssh://user@"
    ):
        find_targets(["ncnn"], [Options("cuda")])


def test_emulation_that_is_not_there_is_no_matter_of_pip(arm: dict[str, str]) -> None:
    arm["cortex-a76"] = "arm-emulated is not installed (there is no QEMU): lwprof doctor --install arm-emulated"
    found = find_targets((), [Options("cpu"), Options("arm-emulated")])
    assert [target.unusable for target in found] == [None, arm["cortex-a76"]]
    with pytest.raises(BackendError) as raised:
        find_targets((), [Options("arm-emulated")])
    assert str(raised.value) == arm["cortex-a76"]
    with pytest.raises(BackendError, match=r"^gone is not installed: pip install 'lwprof\[gone\]'$"):
        find_targets(["gone"], [Options("arm-emulated")])
