"""The pre-commit hook and the GitHub action: what they run is run here, as pre-commit and GitHub run it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
NETWORK = """
from torch import nn


class {name}(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(32, {out}, 1, bias=False), nn.BatchNorm2d({out}), nn.ReLU())
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose only network widens from 32 to 256 channels at once."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "net.py").write_text(NETWORK.format(name="Net", out=256))
    (folder / "lwprof.toml").write_text('[networks.net]\nspec = "net.py:Net"\ninput_size = "32x56x56"\n')
    return folder


def mend(project: Path) -> None:
    """Make both widths equal."""
    (project / "net.py").write_text(NETWORK.format(name="Net", out=32))


def environment(home: Path, **more: str) -> dict[str, str]:
    """Programs of this installation first, nothing of the user's own settings."""
    names = ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE")
    kept = {name: value for name, value in os.environ.items() if name not in names}
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return kept | {"PATH": path, "HOME": str(home), "NO_COLOR": "1", "COLUMNS": "200", **more}


def git(folder: Path, home: Path, *arguments: str) -> None:
    """Run git, as somebody."""
    who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
    subprocess.run(["git", *who, *arguments], cwd=folder, env=environment(home), check=True, capture_output=True)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("git") is None, reason="pre-commit needs git")
def test_the_hook_runs_under_pre_commit(project: Path, tmp_path: Path) -> None:
    home, hooks = tmp_path / "home", tmp_path / "hooks"
    home.mkdir()
    hooks.mkdir()
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", hooks)
    for folder in (hooks, project):
        git(folder, home, "init", "-q")
    git(hooks, home, "add", ".")
    git(hooks, home, "commit", "-qm", "hooks")
    revision = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=hooks, capture_output=True, text=True, check=True
    ).stdout.strip()
    (project / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {hooks}\n  rev: {revision}\n  hooks:\n  - id: lwprof-audit\n"
    )
    git(project, home, "add", ".")

    def commit_hook() -> subprocess.CompletedProcess[str]:
        command = [str(BIN / "pre-commit"), "run", "--all-files"]
        return subprocess.run(command, cwd=project, env=environment(home), capture_output=True, text=True)

    failed = commit_hook()
    assert failed.returncode == 1
    assert "G1" in failed.stdout
    assert "256" in failed.stdout
    mend(project)
    git(project, home, "add", ".")
    passed = commit_hook()
    assert passed.returncode == 0, passed.stdout
    (project / "lwprof.toml").write_text("[networks]\nnet = 5\n")
    git(project, home, "add", ".")
    assert "error: lwprof.toml" in commit_hook().stdout


@pytest.mark.slow
def test_the_hook_definition_is_valid(tmp_path: Path) -> None:
    done = subprocess.run(
        [BIN / "pre-commit", "validate-manifest", ROOT / ".pre-commit-hooks.yaml"],
        env=environment(tmp_path), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("vendor.github-actions", "action.yml"),
        ("vendor.github-workflows", "docs/examples/workflow.yml"),
        ("vendor.github-workflows", "docs/examples/workflow-arm.yml"),
    ],
)
def test_the_yaml_is_what_github_reads(schema: str, file: str) -> None:
    command = [BIN / "check-jsonschema", "--builtin-schema", schema, ROOT / file]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


class Runner:
    """Runs a composite action's steps as GitHub does: bash, expressions filled in, files for what comes out."""

    def __init__(self, place: Path, project: Path) -> None:
        self.action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
        self.project = project
        self.output, self.summary = place / "output", place / "summary"
        self.variables = environment(
            place, GITHUB_ACTION_PATH=str(ROOT), RUNNER_TEMP=str(place),
            GITHUB_OUTPUT=str(self.output), GITHUB_STEP_SUMMARY=str(self.summary),
        )  # fmt: skip
        assert shutil.which("lwprof", path=self.variables["PATH"]), "the action would install lwprof where tests run"

    def run(self, **given: str) -> tuple[int, str]:
        """Exit code of the first step that fails, and everything printed."""
        defaults = {name: item.get("default", "") for name, item in self.action["inputs"].items()}
        inputs = defaults | {name.replace("_", "-"): value for name, value in given.items()}
        assert inputs.keys() == defaults.keys()
        for file in (self.output, self.summary):
            file.write_text("")
        printed = ""
        for step in self.action["runs"]["steps"]:
            done = self._step(step, inputs)
            printed += done.stdout
            if done.returncode:
                return done.returncode, printed
        return 0, printed

    def _step(self, step: dict[str, Any], inputs: dict[str, str]) -> subprocess.CompletedProcess[str]:
        def filled(text: str) -> str:
            return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda match: inputs[match[1]], text)

        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "an input in a script would be run as part of it"
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.project / filled(step.get("working-directory", ".")),
            env=self.variables | {name: filled(value) for name, value in step.get("env", {}).items()},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def outputs(self) -> dict[str, str]:
        """What later steps of a workflow can read."""
        return dict(line.split("=", 1) for line in self.output.read_text().splitlines())


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="the action's steps are bash")
class TestAction:
    def test_findings_become_annotations_a_summary_and_sarif(self, project: Path, tmp_path: Path) -> None:
        runner = Runner(tmp_path, project)
        code, printed = runner.run(sarif="lwprof.sarif")
        assert code == 1
        assert re.search(r"^::warning file=net.py,line=5,.*G1", printed, re.MULTILINE)
        assert "G1" in runner.summary.read_text()
        assert json.loads((project / "lwprof.sarif").read_text())["version"] == "2.1.0"
        outputs = runner.outputs()
        assert outputs["exit-code"] == "1"
        assert json.loads(Path(outputs["result"]).read_text())["schema"] == "lwprof.audit/1"

    def test_files_are_named_from_the_root_of_the_repository(self, project: Path, tmp_path: Path) -> None:
        code, printed = Runner(tmp_path, project.parent).run(sarif="lwprof.sarif", working_directory="project")
        assert code == 1
        assert re.search(r"^::warning file=project/net.py,line=5,.*G1", printed, re.MULTILINE)
        assert '"uri": "project/net.py"' in (project / "lwprof.sarif").read_text()

    def test_nothing_found_is_success(self, project: Path, tmp_path: Path) -> None:
        mend(project)
        code, printed = Runner(tmp_path, project).run()
        assert code == 0, printed
        assert "::warning" not in printed

    def test_networks_and_arguments_are_taken_line_by_line(self, project: Path, tmp_path: Path) -> None:
        runner = Runner(tmp_path, project.parent)
        code, printed = runner.run(
            networks="project/net.py:Net\n", arguments="--input-size=32x56x56\n--select=D1\n", working_directory="."
        )
        assert code == 0, printed

    def test_a_script_in_an_input_is_no_script(self, project: Path, tmp_path: Path) -> None:
        runner = Runner(tmp_path, project)
        code, printed = runner.run(networks="$(touch harm); touch harm #`touch harm`")
        assert code == 2
        assert re.search("^::error title=.* could not be audited::", printed, re.MULTILINE)
        assert not list(tmp_path.rglob("harm"))

    def test_wrong_settings_are_said_and_fail(self, project: Path, tmp_path: Path) -> None:
        (project / "lwprof.toml").write_text("[audit]\nselct = ['G']\n")
        runner = Runner(tmp_path, project)
        code, printed = runner.run()
        assert code == 2
        assert "did you mean 'select'?" in printed
        assert runner.outputs() == {"exit-code": "2"}
