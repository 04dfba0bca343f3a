"""The wheel that is installed holds exactly what the repository holds, at its mapped places."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PLACES = {"lwprof": "lwprof", "architectures": "lwprof/architectures", "reports": "lwprof/reports"}
REQUIREMENTS = [
    Requirement(text)
    for group in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for text in group
    if not text.startswith(f"{PROJECT['name']}[")  # extras of its own
]


@pytest.fixture(scope="module")
def distribution():
    try:
        return importlib.metadata.distribution("lwprof")
    except importlib.metadata.PackageNotFoundError:
        pytest.fail("the wheel is not installed: run `make test`")


@pytest.fixture(scope="module")
def pins():
    files = sorted(ROOT.glob("constraints*.txt"))
    lines = [line for file in files for line in file.read_text().splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_wheel_equals_tree(distribution):
    tree = {
        f"{place}/{path.relative_to(ROOT / folder).as_posix()}": path.read_bytes()
        for folder, place in PLACES.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    wheel = {
        str(file): file.locate().read_bytes()
        for file in distribution.files
        if file.parts[0] == "lwprof" and file.suffix != ".pyc"
    }
    assert sorted(tree) == sorted(wheel)
    assert [name for name in tree if tree[name] != wheel[name]] == [], "installed before the last edit: run make"


def test_wheel_holds_data_files(distribution):
    files = {str(file) for file in distribution.files}
    assert {"lwprof/py.typed", "lwprof/architectures/catalog.toml"} <= files
    licences = {found[1] for name in files if (found := re.fullmatch(r"lwprof-[^/]+\.dist-info/licenses/(.*)", name))}
    plugin, page = "lwprof/timing/emulation/plugin/COPYING", "reports/html/vendored/LICENSE"
    assert licences == {"LICENSE", plugin, page}


def test_the_plugin_of_qemu_comes_as_source_with_its_own_licence(distribution):
    plugin = "lwprof/timing/emulation/plugin"
    files = {str(file): file for file in distribution.files}
    source = files[f"{plugin}/arm_instructions.c"].locate().read_text()
    assert re.search(r"SPDX-License-Identifier: GPL-2\.0-or-later$", source, re.MULTILINE)
    assert "GNU GENERAL PUBLIC LICENSE" in files[f"{plugin}/COPYING"].locate().read_text()
    sources = {name: file.locate().read_text() for name, file in files.items() if name.endswith((".py", ".c"))}
    marked = [name for name, text in sources.items() if "SPDX-License-Identifier" in text]
    assert marked == [f"{plugin}/arm_instructions.c"]
    assert not [name for name in files if name.endswith((".so", ".o"))], "compiled where it runs"


def test_wheel_installs_one_package(distribution):
    folders = {file.parts[0] for file in distribution.files if ".." not in file.parts}
    assert {name for name in folders if not name.endswith(".dist-info")} == {"lwprof"}


def test_metadata(distribution):
    metadata = distribution.metadata
    assert metadata["License-Expression"] == "Apache-2.0 AND BSD-3-Clause AND MIT AND 0BSD AND GPL-2.0-or-later"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description"].strip() == (ROOT / "README.md").read_text().strip()
    assert [entry.value for entry in distribution.entry_points] == ["lwprof.cli:main"]


@pytest.mark.slow
def test_version_is_written_once_everywhere(distribution):
    import lwprof

    assert lwprof.__version__ == distribution.version == PROJECT["version"]


def test_pins_are_exact_and_for_every_platform(pins):
    for pin in pins:
        (specifier,) = pin.specifier
        assert specifier.operator == "=="
        assert Version(specifier.version).local is None, f"{pin}: a local build is not on every machine"


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_lower_bound_was_tested(requirement, pins):
    """A requirement names the lowest version that works, and the pinned one satisfies it."""
    pinned = {pin.name.lower(): next(iter(pin.specifier)).version for pin in pins}
    lowest = [specifier.version for specifier in requirement.specifier if specifier.operator == ">="]
    assert len(lowest) == 1
    assert requirement.specifier.contains(pinned[requirement.name.lower()])


@pytest.mark.slow
def test_each_module_is_imported_once():
    """Doctests and tests see the same modules: a network imported twice would be two classes."""
    import lwprof

    folder = Path(lwprof.__file__).parent
    files = [
        (Path(module.__file__), name)
        for name, module in sys.modules.items()
        if name != "__main__" and getattr(module, "__file__", None) and folder in Path(module.__file__).parents
    ]
    assert files
    wrong = [
        name
        for file, name in files
        if name != ".".join(["lwprof", *file.relative_to(folder).with_suffix("").parts]).removesuffix(".__init__")
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "lwprof", "show", "mbv1"),
        ("-c", "import lwprof; lwprof.build('mbv1')"),
        ("-c", "from lwprof.architectures import mbv1; import lwprof.reports"),
    ],
)
@pytest.mark.slow
def test_python_started_in_the_root_finds_all_parts(command):
    done = subprocess.run([sys.executable, "-B", *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
