"""Findings lead to the line in people's own code that they are about."""

from __future__ import annotations

import dataclasses
import sys
import textwrap
import zipfile

import pytest
from torch import nn

import lwprof
from lwprof.auditing.locations import located
from lwprof.models import Network, prepare
from lwprof.results.audit import Finding, Location

SOURCE = """
    import functools
    from torch import nn

    def marked(*marks):
        return lambda kind: kind

    @marked(
        "class",
    )
    @marked()
    class Block(nn.Module):
        class Inner(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(3, 3, 1)

            def forward(self, x):
                return self.conv(x)

        def __init__(self):
            super().__init__()
            self.inner = self.Inner()
            self.seq = nn.Sequential(nn.Conv2d(3, 3, 1))

        def forward(self, x):
            return self.seq(self.inner(x))

    class Net(nn.Sequential):
        def __init__(self):
            super().__init__(Block(), nn.Conv2d(3, 3, 1), type("Made", (nn.Conv2d,), {})(3, 3, 1))

    @functools.cache
    def make():
        class Local(nn.ReLU):
            pass

        return nn.Sequential(nn.Conv2d(3, 3, 1), Local())

    ready = nn.Sequential(nn.Conv2d(3, 3, 1))
    twice: nn.Module = nn.Sequential(nn.Conv2d(3, 3, 1))
    quick = lambda: nn.Sequential(nn.ReLU())
    partly = functools.partial(nn.Conv2d, 3, 3, 1)
"""
LINES = textwrap.dedent(SOURCE).splitlines()


def line(start: str) -> int:
    """The line of the source that begins so."""
    (number,) = (number for number, text in enumerate(LINES, 1) if text.strip().startswith(start))
    return number


def places(network: Network, *modules: str) -> list[tuple[str, int] | None]:
    """File and line of a finding in each of the modules."""
    findings = [Finding("G1", "s", "warning", module, "m", 1.0, 1.0, 1, 0.1, "s") for module in modules]
    found = located(findings, network)
    assert [dataclasses.replace(finding, location=None) for finding in found] == findings
    return [finding.location and (finding.location.file, finding.location.line) for finding in found]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a network in ``nets/own.py``, which is the current one."""
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "own.py").write_text("\n".join(LINES))
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    path = list(sys.path)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if name.startswith(("_lwprof_", "own", "nets")):
            del sys.modules[name]


@pytest.mark.slow
def test_a_finding_leads_to_the_innermost_class_of_ones_own(project):
    own = "nets/own.py"
    found = places(prepare("nets/own.py:Net"), "0.inner.conv", "0.inner", "0.seq.0", "0", "1", "2", "", "gone.away")
    inner, block, net = ((own, line(f"class {name}(")) for name in ("Inner", "Block", "Net"))
    assert found == [inner, inner, block, block, net, net, net, net]


@pytest.mark.slow
def test_a_line_is_that_of_the_class_and_not_of_its_decorators(project):
    ((_, number),) = places(prepare("nets/own.py:Net"), "0")
    assert LINES[number - 1] == "class Block(nn.Module):"


@pytest.mark.parametrize(
    ("name", "start"),
    [("make", "def make"), ("ready", "ready ="), ("twice", "twice:"), ("quick", "quick ="), ("partly", "partly =")],
)
def test_a_network_of_torchs_classes_alone_leads_to_what_makes_it(name, start, project):
    assert places(prepare(f"nets/own.py:{name}"), "0", "") == [("nets/own.py", line(start))] * 2


def test_a_class_inside_of_a_function_has_its_own_line(project):
    assert places(prepare("nets/own.py:make"), "1") == [("nets/own.py", line("class Local("))]


def test_an_importable_module_has_places_too(project, monkeypatch):
    monkeypatch.chdir(project / "nets")
    network = prepare("own:make")
    assert places(network, "0") == [("own.py", line("def make"))]
    assert places(prepare("own:Net"), "0.seq.0") == [("own.py", line("class Block("))]


def test_a_network_that_a_project_names_has_places(project):
    (project / "lwprof.toml").write_text('[networks]\nmine = "nets/own.py:make"\n')
    assert places(prepare("mine"), "0") == [("nets/own.py", line("def make"))]


def test_a_module_given_from_python_has_places(project):
    module = prepare("nets/own.py:Net").module
    assert places(prepare(module), "0.seq.0") == [("nets/own.py", line("class Block("))]


def test_an_audit_has_them(project):
    (project / "wide.py").write_text(
        "from torch import nn\n\nclass Wide(nn.Sequential):\n"
        "    def __init__(self):\n        super().__init__(nn.Conv2d(3, 96, 1))\n"
    )
    findings = lwprof.audit("wide.py:Wide").models[0].findings
    assert {finding.location for finding in findings} == {Location("wide.py", 3)}


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["mbv1", "torch.nn:ReLU"])
def test_a_library_has_no_places(spec, project):
    assert places(prepare(spec), "", "0", "features") == [None] * 3


def test_an_installed_package_has_no_places(project, monkeypatch):
    folder = project / "venv" / "site-packages"
    folder.mkdir(parents=True)
    (folder / "own.py").write_text("\n".join(LINES))
    monkeypatch.syspath_prepend(folder)
    assert places(prepare("own:Net"), "0") == [None]


def test_a_file_outside_of_the_current_folder_has_no_place(project, monkeypatch):
    (project / "elsewhere").mkdir()
    monkeypatch.chdir(project / "elsewhere")
    assert places(prepare("../nets/own.py:Net"), "0") == [None]


def test_a_class_without_a_file_has_no_place(project):
    kind = type("Typed", (nn.ReLU,), {"__module__": "__main__"})
    assert places(prepare(kind()), "") == [None]


def test_a_class_in_an_archive_has_no_place(project, monkeypatch):
    with zipfile.ZipFile(project / "packed.zip", "w") as archive:
        archive.writestr("own.py", "\n".join(LINES))
    monkeypatch.syspath_prepend(project / "packed.zip")
    assert places(prepare("own:Net"), "0") == [None]


def test_a_file_that_is_gone_has_no_place(project):
    network = prepare("nets/own.py:Net")
    (project / "nets" / "own.py").unlink()
    assert places(network, "0", "") == [None, None]


def test_a_module_that_does_not_list_its_modules_is_let_be(project):
    class Odd(nn.ReLU):
        def named_modules(self, *given, **named):
            raise RuntimeError("no")

    assert places(Network("odd", "odd", Odd(), ()), "") == [None]
