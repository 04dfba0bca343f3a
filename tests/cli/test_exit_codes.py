"""Exit codes, and one clear line for each thing that can be wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lwprof import profiling
from lwprof.cli import main
from lwprof.errors import BackendError

SMALL = ("--input-size", "3,8,8")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("profile", "mobilnet2"), "unknown network 'mobilnet2'; did you mean 'mbv2'?"),
        (("show", "mbv9"), "unknown network 'mbv9'; did you mean 'mbv"),
        (("compare", "mbv1", "mobilnet2"), "unknown network 'mobilnet2'; did you mean 'mbv2'?"),
        (("crosscheck", "mobilnet2"), "unknown network 'mobilnet2'; did you mean 'mbv2'?"),
        (("profile", "mbv2:width=wide"), "mbv2: width must be a number, not wide"),
        (("profile", "mbv2:width=0"), "width"),
        (("profile", "mbv2:widht=0.5"), "mbv2 has no option 'widht'; did you mean 'width'?"),
        (("profile", "shufflenetv2:width=0.7"), "width must be one of 0.5, 1.0, 1.5, 2.0, not 0.7"),
        (("profile", "mbv2:resolution=1.5"), "resolution must be a whole number of pixels, not 1.5"),
        (("profile", "squeezenet:resolution=16"), "squeezenet needs a resolution of at least 21, not 16"),
        (("profile", "squeezenet", "--input-size", "3,16,64"), "squeezenet needs a resolution of at least 21, not 16"),
        (("profile", "mbv2", "--input-size", "1,224,224"), "mbv2 takes one image such as 3,224,224"),
        (("profile", "mbv2:resolution=64", *SMALL), "give either resolution=64 or an input size"),
        (
            ("profile", "mbv2", "--input-size", "3,big,8"),
            "input size '3,big,8' is not a list of positive whole numbers",
        ),
        (("profile", "mbv2", "--batch", "0"), "0 is not in the range 1<=x<=2147483647"),
        (("profile", "mbv2", "--batch", "9" * 20), "is not in the range 1<=x<=2147483647"),
        (("profile", "mbv2", "--input-size", f"3,{'9' * 20},2"), "no side may be more than 2147483647"),
        (("profile", "mbv2", "--input-size", "3,999999999999,999999999999"), "no side may be more than 2147483647"),
        (("profile", "mbv2", "--input-size", "3,2147483647,2147483647"), "too large for this machine's memory"),
        (("profile", f"mbv2:resolution={'9' * 20}"), "too large for this machine's memory"),
        (("compare", "mbv2", "--seed", "9" * 23), "--seed"),
        (("compare", "mbv2", "--threads", "1000000"), "1000000 is not in the range 1<=x<=1024"),
        (("compare", "mbv2", "--budget", "nan"), "invalid value for '--budget': nan is not a finite number"),
        (("compare", "mbv2", "--precision", "nan"), "'--precision'"),
        (("compare", "mbv2", "--margin", "nan"), "'--margin'"),
        (("compare", "mbv2", "--margin", "inf"), "'--margin'"),
        (("profile", "mbv2", "-o", ""), "the name is empty; name a file such as result.json"),
        (("profile", "mbv2", "-o", "."), "cannot write .: it is a folder; name a file in it"),
        (("profile", "mbv2:width"), "an option is written as mbv2:NAME=VALUE"),
        (("profile", "mbv2:"), "'mbv2:' ends with a colon"),
        (("profile", ":"), "a network's name is empty"),
        (("show", "mbv2:width=0.5"), "without options; 'lwprof profile mbv2:width=0.5' counts any spec"),
        (("profile", "mbv2", "--sort", "size"), "'size' is not one of params"),
        (("profile", "no.py:Net"), "no file no.py"),
        (("profile", "net.py:Tiny"), "net.py has no 'Tiny'; did you mean 'TinyNet'?"),
        (("profile", "net.py:TinyNet:width=-1"), "net.py:TinyNet cannot be built"),
        (("profile", "net.py:Raising", *SMALL), "KeyError: 'no such layer'"),
        (("compare", "net.py:TinyNet", "net.py:Raising", *SMALL), "KeyError: 'no such layer'"),
        (("profile", "net.py:Leaving", *SMALL), "SystemExit"),
        (("profile", "net.py:TinyNet", "--input-size", "4,8,8"), "expected input[1, 4, 8, 8] to have 3 channels"),
        (("profile", "net.py:TinyNet", "--inputs", "make"), "net.py has no 'make'"),
        (("profile", "mbv2", "--inputs", "make"), "'make' names no function that makes inputs; write FILE.py:NAME or"),
        (("profile", "mbv2", "--weights", "no.pth"), "no file no.pth"),
        (("compare", "mbv1", "mbv2", "--weights", "no.pth"), "1 file of weights for 2 networks; give one for each"),
        (("profile", "net.onnx"), "cannot read net.onnx: No such file or directory"),
        (("list", "--family", "Mobilnet"), "unknown family 'Mobilnet'; did you mean 'MobileNet'?"),
        (("list", "--format", "xml"), "'xml' is not one of table"),
        (("report", "missing.json"), "cannot read missing.json: No such file or directory"),
        (("report", "net.py"), "net.py is not whole JSON"),
        (("compare",), "missing argument 'SPEC...'; see lwprof compare --help"),
        (("compare", "mbv1", "--budget", "0"), "--budget"),
        (("profil", "mbv2"), "no such command 'profil'; did you mean 'profile'? see lwprof --help"),
        (("list", "--fromat", "csv"), "no such option '--fromat'; did you mean '--format'? see lwprof list --help"),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_code_2(run: Any, arguments: tuple[str, ...], says: str) -> None:
    outcome = run(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1
    assert says in outcome.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"schema": "lwprof.profile/1", "model": {"name"', "is not whole JSON"),
        ('{"schema": "lwprof.profile/1", "model": {"name": "x"}}', "is a damaged lwprof.profile document"),
        ('{"hello": 1}', "is not a result of lwprof"),
        ('{"schema": "lwprof.profile/99"}', "newer than this lwprof reads"),
    ],
)
def test_a_result_that_cannot_be_read(run: Any, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "result.json").write_text(text)
    outcome = run("report", "result.json")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error: result.json ")
    assert says in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_file_that_raises_on_import_is_named_with_its_line(run: Any, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import math\nmath.sqrt(-1)\n")
    outcome = run("profile", "broken.py:Net")
    assert outcome.code == 2
    assert outcome.err.startswith("error: cannot import broken.py: broken.py, line 2: ValueError: ")
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize("command", ["profile", "crosscheck", "compare"])
def test_a_library_that_is_not_installed_is_exit_code_3(
    run: Any, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    outcome = run(command, "lcnet")
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err == "error: lcnet: timm is not installed: pip install timm\n"


def test_debug_shows_the_traceback_and_the_same_line(run: Any) -> None:
    for arguments in (("--debug", "profile", "no.py:Net"), ("profile", "no.py:Net", "--debug")):
        outcome = run(*arguments)
        assert outcome.code == 2
        assert outcome.err.startswith("Traceback (most recent call last):")
        assert outcome.err.endswith("error: no file no.py\n")


def test_strict_shows_the_report_and_exits_with_1(run: Any) -> None:
    outcome = run("profile", "net.py:Strange", *SMALL, "--strict", "--format", "json")
    assert outcome.code == 1
    assert json.loads(outcome.out)["coverage"]["unknown"] == [{"op": "aten::_fft_r2c", "count": 1, "reason": ""}]
    assert outcome.err == "error: Strange: no rule counts aten::_fft_r2c (1x) (--strict)\n"
    assert run("compare", "net.py:TinyNet", "net.py:Strange", *SMALL, "--no-time", "--strict").code == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_report_that_cannot_be_written_weighs_more_than_a_gate(run: Any) -> None:
    outcome = run("profile", "net.py:Strange", *SMALL, "--strict", "-o", "/dev/full", "--format", "json")
    assert outcome.code == 2
    assert outcome.err == "error: cannot write /dev/full: No space left on device\n"


def test_unknown_operators_alone_are_no_failure(run: Any) -> None:
    assert run("profile", "net.py:Strange", *SMALL).code == 0
    assert run("profile", "net.py:TinyNet", *SMALL, "--strict").code == 0


def raising(error: BaseException) -> Any:
    def stand_in(*_: object, **__: object) -> None:
        raise error

    return stand_in


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (BackendError("no such device; plug it in"), 3, "error: no such device; plug it in\n"),
        (RuntimeError("a\nb"), 4, "error: internal error: RuntimeError: a; run again with --debug for the traceback\n"),
        (
            GeneratorExit("x\0"),
            4,
            "error: internal error: GeneratorExit: x\\x00; run again with --debug for the traceback\n",
        ),
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
    ],
)
def test_codes_3_4_and_130(
    run: Any, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, line: str
) -> None:
    monkeypatch.setattr(profiling, "examine_network", raising(error))
    outcome = run("profile", "net.py:TinyNet")
    assert (outcome.code, outcome.out, outcome.err) == (code, "", line)


def test_what_a_network_prints_is_not_in_the_report(run: Any) -> None:
    outcome = run("profile", "net.py:Talking", *SMALL, "--format", "json")
    assert json.loads(outcome.out)["model"]["name"] == "Talking"
    assert "the network talks" in outcome.err


@pytest.mark.parametrize("arguments", [["list"], ["--help"], ["profile", "--help"], ["--version"], []])
def test_a_reader_that_leaves_early_is_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert main(arguments) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("NAME.py:Net",),
        ("NAME/net",),
        ("net.py:TinyNet", "--weights", "NAME"),
        ("net.py:TinyNet", "--inputs", "NAME.py:make"),
    ],
)
def test_a_name_that_no_file_can_have_is_wrong_input(run: Any, arguments: tuple[str, ...]) -> None:
    outcome = run("profile", *(argument.replace("NAME", "n" * 300) for argument in arguments))
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert outcome.err.startswith(("error: cannot read nnn", "error: unknown network 'nnn"))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_an_error_that_cannot_be_written_keeps_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w", buffering=1) as full:
        monkeypatch.setattr(sys, "stderr", full)
        assert main(["show", "no-such-network"]) == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
@pytest.mark.parametrize("arguments", [["--help"], ["list"]])
def test_standard_output_that_is_full(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(arguments) == 2
    assert capsys.readouterr().err.lower().startswith("error: cannot write to standard output: no space left")


def test_a_value_is_named_once(run: Any) -> None:
    outcome = run("profile", "mbv2:width=0")
    assert outcome.err.startswith("error: mbv2:width=0 cannot be built: the width ")


def test_a_very_long_spec_is_clipped(run: Any) -> None:
    outcome = run("profile", "x" * 5000)
    assert outcome.err.startswith("error: unknown network 'xxxx")
    assert "xxx…xxx" in outcome.err
    assert len(outcome.err) < 300


def test_bytes_that_are_no_text_are_shown_as_such(run: Any) -> None:
    assert run("profile", "a\udcffb").err.startswith("error: unknown network 'a\\xffb'")


CLOSED = [
    ((sys.executable, "-m", "lwprof", "profile", "net.py:TinyNet", *SMALL, "-o", "r.json", ">&-"), 0),
    ((sys.executable, "-m", "lwprof", "--help", ">&-"), 0),
    ((sys.executable, "-m", "lwprof", "profile", "nope", "2>&-"), 2),
]


@pytest.mark.parametrize(("command", "code"), CLOSED)
@pytest.mark.slow
def test_streams_that_are_closed(run: Any, tmp_path: Path, command: tuple[str, ...], code: int) -> None:
    done = subprocess.run(["sh", "-c", " ".join(command)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == code
    assert done.stderr == ("wrote r.json\n" if "r.json" in command else "")
    assert (tmp_path / "r.json").exists() == ("r.json" in command)


def test_standard_output_that_is_closed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["list"]) == 2
    assert capsys.readouterr().err == "error: cannot write to standard output: it is closed\n"
