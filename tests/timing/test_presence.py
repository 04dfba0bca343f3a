from __future__ import annotations

from pathlib import Path

import pytest

from lwprof.timing.backends.presence import missing


def test_missing_packages_are_named() -> None:
    one = missing({"lwprof": "lwprof", "no-such": "no_such"}, "lwprof")
    assert one == "no-such is not installed"
    two = missing({"no-such": "no_such", "nor-such": "nor_such"}, "no_such.runtime")
    assert two == "no-such and nor-such are not installed"


def test_package_that_does_not_load_is_named() -> None:
    reason = missing({"pytest": "pytest", "the-library": "lwprof"}, "pytest", "lwprof.no_such_module")
    assert reason is not None
    assert reason.startswith("the-library is installed but does not load (ModuleNotFoundError: ")


def test_package_that_loads_is_there() -> None:
    assert missing({"pytest": "pytest"}, "pytest") is None


@pytest.mark.parametrize("failure", ["ImportError('libfoo.so: cannot open')", "OSError('libfoo.so: cannot open')"])
def test_broken_package_is_a_sentence(
    failure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a_broken_runtime.py").write_text(f"print('loading')\nraise {failure}\n")
    monkeypatch.syspath_prepend(tmp_path)
    reason = missing({"broken-runtime": "a_broken_runtime"}, "a_broken_runtime")
    kind = failure.partition("(")[0]
    assert reason == (
        f"broken-runtime is installed but does not load ({kind}: libfoo.so: cannot open): "
        "pip install --force-reinstall --no-deps broken-runtime"
    )
    assert capfd.readouterr() == ("", "")


def test_interruption_is_not_a_broken_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Native modules turn it into an error of their own."""
    lines = ("try:", "    raise KeyboardInterrupt", "except BaseException as error:")
    raised = "    raise ImportError('initialization failed') from error"
    (tmp_path / "an_interrupted_runtime.py").write_text("\n".join((*lines, raised)))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        missing({"a-runtime": "an_interrupted_runtime"}, "an_interrupted_runtime")
