"""``lwprof doctor --install``: what it says, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lwprof.errors import BackendError
from lwprof.timing.emulation import counting, installation
from lwprof.timing.emulation.emulator import Emulator

Report = Callable[[str], None]

VERSIONS = {"qemu": "7.2.22", "python": "3.11.2", "ncnn": "1.0.7", "numpy": "2.4.6"}


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("LWPROF_CACHE", str(tmp_path / "kept"))
    return tmp_path / "kept" / "arm-emulated"


def put(place: Path) -> None:
    place.mkdir(parents=True)
    (place / "python3").write_bytes(bytes(2_000))


def test_steps_go_to_standard_error(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(report: Report) -> None:
        report("arm-emulated takes about 46 MB to download")
        report("arm-emulated is installed")

    monkeypatch.setattr(installation, "install", install)
    monkeypatch.setattr(counting, "found", lambda: None)
    outcome = run("doctor", "--install", "arm-emulated")
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err == "arm-emulated takes about 46 MB to download\narm-emulated is installed\n"


def test_without_a_compiler(run: Any, monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    monkeypatch.setattr(installation, "install", lambda report: report("arm-emulated is installed"))
    monkeypatch.setattr(installation, "found", lambda: Emulator((), {}, place, place, place, VERSIONS))
    monkeypatch.setenv("CC", "no-such-cc")
    missing = "the C compiler no-such-cc that CC names is not there; arm-emulated needs one (gcc, clang)"
    outcome = run("doctor", "--install", "arm-emulated")
    assert (outcome.code, outcome.err) == (3, f"arm-emulated is installed\nerror: {missing}\n")
    rows = found(run)
    assert (rows["arm-emulated"]["found"], rows["arm-emulated"]["state"]) == (missing, "note")
    assert rows["backend ncnn"]["found"].startswith("usable on cpu, ssh: ncnn ")


def test_without_a_connection(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(report: Report) -> None:
        raise BackendError("there is no connection")

    monkeypatch.setattr(installation, "install", install)
    outcome = run("doctor", "--install", "arm-emulated")
    assert (outcome.code, outcome.err) == (3, "error: there is no connection\n")


def test_interrupted(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def press(place: Path, runtime: str, report: Report) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(installation, "_supported", lambda: None)
    monkeypatch.setattr(installation, "_ncnn", lambda: "1.0.7")
    monkeypatch.setattr(installation, "_install", press)
    outcome = run("doctor", "--install", "arm-emulated")
    assert (outcome.code, outcome.out) == (130, "")
    assert outcome.err == (
        "arm-emulated is not complete; the same command goes on from where it was\nerror: interrupted\n"
    )


@pytest.mark.parametrize("option", ["--install", "--remove"])
def test_an_unknown_name_gets_the_list(run: Any, option: str) -> None:
    outcome = run("doctor", option, "riscv-emulated")
    assert outcome.code == 2
    assert f"'{option}': 'riscv-emulated' is not one of arm-emulated" in outcome.err


def test_one_thing_at_a_time(run: Any, place: Path) -> None:
    put(place)
    outcome = run("doctor", "--clear-cache", "--remove", "arm-emulated")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "error: --clear-cache, --install and --remove are done one at a time\n"
    assert place.exists()


def test_removing(run: Any, place: Path) -> None:
    put(place)
    outcome = run("doctor", "--remove", "arm-emulated")
    assert (outcome.code, outcome.out) == (0, f"removed arm-emulated (2.0 kB) from {place}\n")
    assert not place.exists()
    assert run("doctor", "--remove", "arm-emulated").out == f"there is no arm-emulated in {place}\n"


def test_clearing_the_cache_leaves_it_and_says_so(run: Any, place: Path) -> None:
    put(place)
    outcome = run("doctor", "--clear-cache")
    assert outcome.code == 0
    assert outcome.out.splitlines()[1:] == [
        "arm-emulated is left as it is (2.0 kB): lwprof doctor --remove arm-emulated removes it"
    ]
    assert place.exists()


def found(run: Any) -> dict[str, dict[str, str]]:
    outcome = run("doctor", "--format", "json")
    assert outcome.code == 0
    return {row["check"]: row for row in json.loads(outcome.out)["checks"]}


def test_doctor_says_how_to_install_it(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Emulator:
        raise BackendError("arm-emulated is not installed (there is no QEMU): lwprof doctor --install arm-emulated")

    monkeypatch.setattr(counting, "found", missing)
    rows = found(run)
    assert tuple(rows["arm-emulated"].values())[1:] == (
        "not installed (there is no QEMU)", "note", "lwprof doctor --install arm-emulated"
    )  # fmt: skip
    assert rows["backend ncnn"]["found"].startswith("usable on cpu, ssh: ncnn ")


def test_doctor_names_its_versions_and_size(run: Any, monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    put(place)
    monkeypatch.setattr(counting, "found", lambda: Emulator((), {}, place, place, place, VERSIONS))
    rows = found(run)
    assert tuple(rows["arm-emulated"].values())[1:] == (
        f"qemu 7.2.22, python 3.11.2, ncnn 1.0.7, numpy 2.4.6; 2.0 kB in {place}", "ok",
        "lwprof doctor --remove arm-emulated removes it",
    )  # fmt: skip
    assert rows["backend ncnn"]["found"].startswith("usable on cpu, arm-emulated, ssh: ncnn ")
