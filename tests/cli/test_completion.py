"""Completion: what is offered, and that the shells themselves complete a model spec."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lwprof.models import catalog

SHELLS = ("bash", "zsh", "fish")
VARIANT = "shufflenetv2:unit=paper"
EVERY_NAME = list(catalog.entries())

Offer = Callable[[str, str], list[str]]


@pytest.fixture
def offered(run: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Offer:
    """What is offered to a shell for the last word of a line."""
    from lwprof.cli import main

    def ask(shell: str, words: str) -> list[str]:
        line = f"lwprof {words}"
        given = {
            "bash": {"COMP_LINE": line},
            "zsh": {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)},
            "fish": {"COMP_WORDS": line, "COMP_CWORD": line.split(" ")[-1]},
        }[shell]
        for name, value in {"_LWPROF_COMPLETE": f"{shell}_complete", **given}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as left:
            main([])
        assert left.value.code == 0
        lines = capsys.readouterr().out.strip().splitlines()
        if shell == "zsh":
            return [
                value.replace("\\:", ":")
                for kind, value in zip(lines[::3], lines[1::3], strict=True)
                if kind == "plain"
            ]
        kinds = [line.partition("\t")[0].split(",", 1) for line in lines]
        return [value for kind, value in kinds if kind == "plain"]

    return ask


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("pro", ["profile"]),
        ("profile mbv1", ["mbv1"]),
        ("compare mbv1 mbv3_s", ["mbv3_small"]),
        ("compare mbv1 lcnet_07", ["lcnet_075"]),
        ("compare mbv1 squeezenet mbv2:w", ["width="]),
        ("profile mbv2:n", ["num_classes="]),
        ("profile shufflenetv2:un", ["unit="]),
        ("profile shufflenetv2:unit=", ["unit=paper", "unit=symmetric"]),
        ("profile shufflenetv2:unit=s", ["unit=symmetric"]),
        ("profile mbv1:width=0.", ["width=0.75", "width=0.5", "width=0.25"]),
        ("profile mbv1:resolution=1", ["resolution=128", "resolution=160", "resolution=192"]),
        ("profile nothing:", []),
        ("crosscheck net.py:T", ["TinyNet", "Talking"]),
        ("crosscheck none.py:T", []),
        ("list --format js", ["json"]),
        ("list --format=js", ["json"]),
        ("list --family shu", ["ShuffleNet"]),
        ("list --sort y", ["year"]),
        ("explain G", ["G1", "G2", "G3", "G4"]),
        ("explain uneq", ["unequal-channel-widths"]),
        ("explain G1 --on mbv3_s", ["mbv3_small"]),
        ("list --max", ["--max-mult-adds", "--max-params"]),
        ("audit --select costly-s", ["costly-stem"]),
        ("audit --ignore G1,costly-s", ["G1,costly-stem"]),
        ("audit --severity G1=w", ["G1=warning"]),
        ("audit --threshold G1", ["G1=1.2"]),
        ("audit --threshold G3.b", ["G3.branches="]),
        ("audit --fail-on ne", ["never"]),
        ("audit --backend onnxr", ["onnxruntime"]),
        ("compare mbv1 --backend onnxr", ["onnxruntime"]),
        ("compare mbv1 --backend torch,onnxr", ["torch,onnxruntime"]),
        ("compare mbv1 --backend onnxruntime,onnxr", []),
        ("compare mbv1 --dtype bfl", ["bfloat16"]),
        ("compare mbv1 --device c", ["cpu", "cuda"]),
        ("compare mbv1 --cores l", ["little"]),
        ("compare mbv1 --layout ch", ["channels_last"]),
    ],
)
def test_what_is_offered(offered: Offer, shell: str, words: str, names: list[str]) -> None:
    word = words.split(" ")[-1]
    place = f"{word.partition(':')[0]}:" if ":" in word else ""
    assert [name.removeprefix(place) for name in offered(shell, words)] == names


@pytest.mark.parametrize("shell", SHELLS)
def test_all_options_of_a_network_are_offered(offered: Offer, shell: str) -> None:
    names = [option.name for option in catalog.find("mbv2").options]
    assert offered(shell, "profile mbv2:") == [f"mbv2:{name}=" for name in (*names, "resolution")]


@pytest.mark.parametrize("shell", SHELLS)
def test_options_that_are_given_are_not_offered_again(offered: Offer, shell: str) -> None:
    assert offered(shell, f"profile {VARIANT},w") == [f"{VARIANT},width="]
    assert offered(shell, f"profile {VARIANT},u") == []
    assert offered(shell, f"profile {VARIANT},width=1.") == [f"{VARIANT},width=1.0", f"{VARIANT},width=1.5"]


@pytest.mark.parametrize("shell", SHELLS)
def test_names_are_offered_and_aliases_where_the_name_begins_otherwise(offered: Offer, shell: str) -> None:
    assert offered(shell, "profile ") == EVERY_NAME
    shown = offered(shell, "show mobilenet")
    assert {"mobilenetv1", "mobilenet_v2"} <= set(shown)
    assert not {"mbv1", "mbv2", "squeezenet"} & set(shown)
    assert offered(shell, "show MobileNet-V1") == ["mobilenet_v1"]


@pytest.mark.parametrize("shell", SHELLS)
def test_names_of_the_project_are_offered(offered: Offer, tmp_path: Path, shell: str) -> None:
    settings = tmp_path / "pyproject.toml"
    settings.write_text('[tool.lwprof.networks]\nmbv1-tiny = "net.py:TinyNet"\n')
    assert offered(shell, "profile ")[0] == "mbv1-tiny"
    assert offered(shell, "show mbv1_t") == ["mbv1-tiny"]
    settings.write_text("[tool.lwprof.networks]\nmbv1-tiny = 3\n")
    assert offered(shell, "show mbv1") == ["mbv1"]


def test_bash_splits_the_line_as_it_would_run_it(offered: Offer) -> None:
    assert offered("bash", "compare 'my net.py' mbv3_l") == ["mbv3_large"]
    assert offered("bash", "profile 'mbv2:wi") == ["mbv2:width="]
    assert offered("bash", "")[0] == "list"


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A search path on which ``lwprof`` is the one under test."""
    command = tmp_path / "bin" / "lwprof"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m lwprof "$@"\n')
    command.chmod(0o755)
    (tmp_path / "net.py").write_text("class TinyNet: ...\n")
    return f"{command.parent}{os.pathsep}{os.environ['PATH']}"


class Terminal:
    """A shell that believes to be talked to by a person."""

    PROMPT = "READY>"

    def __init__(self, *command: str, **environment: str) -> None:
        import pty

        self.keyboard, screen = pty.openpty()
        given = {**os.environ, "TERM": "dumb", "INPUTRC": os.devnull, **environment}
        self.shell = subprocess.Popen(
            command, stdin=screen, stdout=screen, stderr=screen, env=given, start_new_session=True
        )
        os.close(screen)

    def type(self, keys: str) -> None:
        os.write(self.keyboard, keys.encode())

    def read(self, until: str) -> str:
        """Everything shown from now on up to a line that begins with ``until``."""
        shown = ""
        while f"\n{until}" not in f"\n{shown}":
            assert select.select([self.keyboard], [], [], 60)[0], f"nothing more after {shown!r}"
            shown += os.read(self.keyboard, 4096).decode(errors="replace")
        return shown

    def completed(self, line: str) -> str:
        """The words that a line has become after Tab, one in each pair of angles."""
        self.type(f"{line}\t\x01printf '<%s>\\n' \x05\n")
        return "".join(re.findall("^<.*>", self.read(self.PROMPT).replace("\r", "\n"), re.MULTILINE))

    def close(self) -> None:
        self.shell.kill()
        self.shell.wait()
        os.close(self.keyboard)


@contextlib.contextmanager
def terminal(*command: str, **environment: str) -> Iterator[Terminal]:
    shell = Terminal(*command, **environment)
    try:
        yield shell
    finally:
        shell.close()


def usable(shell: str) -> bool:
    """Whether the shell is here, and not the bash of 2007 that macOS has."""
    recent = "[[ ! $BASH_VERSION || ${BASH_VERSINFO[0]} -gt 4 || $BASH_VERSION == 4.4* ]]"
    return shutil.which(shell) is not None and (shell != "bash" or not subprocess.call([shell, "-c", recent]))


needs = {
    name: pytest.mark.skipif(not usable(name), reason=f"needs {name}" + " 4.4" * (name == "bash")) for name in SHELLS
}


@needs["bash"]
@pytest.mark.slow
def test_bash_completes_behind_colon_and_equals_sign(path: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with terminal("bash", "--norc", "--noprofile", "-i", PATH=path, PS1=Terminal.PROMPT) as bash:
        bash.read(Terminal.PROMPT)
        bash.type('eval "$(_LWPROF_COMPLETE=bash_source lwprof)"\n')
        bash.read(Terminal.PROMPT)
        for line, words in {
            "lwprof prof": "<lwprof><profile>",
            "lwprof profile mbv3_s": "<lwprof><profile><mbv3_small>",
            "lwprof profile mbv2:wi": "<lwprof><profile><mbv2:width=>",
            "lwprof profile mbv2:wi\t0.5": "<lwprof><profile><mbv2:width=0.5>",
            "lwprof profile shufflenetv2:unit=sy": "<lwprof><profile><shufflenetv2:unit=symmetric>",
            "lwprof compare mbv1 shufflenetv2:unit=paper,wi": "<lwprof><compare><mbv1><shufflenetv2:unit=paper,width=>",
            "lwprof profile net.py:Ti": "<lwprof><profile><net.py:TinyNet>",
            "lwprof profile ne": "<lwprof><profile><net.py>",
            "lwprof list --format=js": "<lwprof><list><--format=json>",
            "X=1 lwprof show mbv3_s": "<X=1><lwprof><show><mbv3_small>",
        }.items():
            assert bash.completed(line) == words, line


@needs["zsh"]
@pytest.mark.slow
def test_zsh_completes_behind_colon_and_equals_sign(path: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with terminal("zsh", "-f", "-i", "+o", "prompt_sp", "+o", "prompt_cr", PATH=path, PS1=Terminal.PROMPT) as zsh:
        zsh.read(Terminal.PROMPT)
        zsh.type('bindkey -e; autoload -U compinit; compinit -D -u; eval "$(_LWPROF_COMPLETE=zsh_source lwprof)"\n')
        zsh.read(Terminal.PROMPT)
        assert zsh.completed("lwprof profile mbv2:wi") == "<lwprof><profile><mbv2:width=>"
        assert zsh.completed("lwprof profile mbv2:wi\t0.5") == "<lwprof><profile><mbv2:width=0.5>"
        assert zsh.completed("lwprof list --fo\tjs") == "<lwprof><list><--format><json>"


@needs["fish"]
@pytest.mark.parametrize(
    ("line", "words"), [("profile mbv2:wi", "mbv2:width="), ("profile net.py:Ti", "net.py:TinyNet"), ("sho", "show")]
)
@pytest.mark.slow
def test_fish_completes_behind_colon_and_equals_sign(path: str, tmp_path: Path, line: str, words: str) -> None:
    script = f"_LWPROF_COMPLETE=fish_source lwprof | source; complete -C 'lwprof {line}'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.stdout.partition("\t")[0].strip() == words


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_printed(path: str, shell: str) -> None:
    environment = {**os.environ, "PATH": path, "_LWPROF_COMPLETE": f"{shell}_source"}
    done = subprocess.run(["lwprof"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0
    assert f"_LWPROF_COMPLETE={shell}_complete" in done.stdout
    assert "%(" not in done.stdout
