from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings

import pytest

from lwprof.timing.silence import silence


def test_nothing_of_what_is_written_comes_out(capfd: pytest.CaptureFixture[str]) -> None:
    os.write(1, b"before\n")
    with silence():
        os.write(1, b"native output\n")
        os.write(2, b"native error\n")
        sys.stdout.write("of a library\n")
        sys.stderr.write("of a library\n")
        subprocess.run([sys.executable, "-c", "print('child')"], check=True)
    os.write(1, b"after\n")
    assert capfd.readouterr() == ("before\nafter\n", "")


def test_what_was_printed_before_is_not_lost(capfd: pytest.CaptureFixture[str]) -> None:
    sys.stdout.write("still in a buffer")
    with silence():
        pass
    assert capfd.readouterr().out == "still in a buffer"


def test_warnings_and_records_are_held_back_until_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with silence():
            warnings.warn("held back", stacklevel=1)
            logging.getLogger("library").error("held back")
        warnings.warn("shown", stacklevel=1)
        logging.getLogger("library").error("shown")
    assert [str(warning.message) for warning in caught] == ["shown"]
    assert caplog.messages == ["shown"]


def test_logger_made_meanwhile_is_heard_afterwards(capfd: pytest.CaptureFixture[str]) -> None:
    with silence():
        handler = logging.StreamHandler()
        handler.stream.write("dropped\n")
    handler.stream.write("heard\n")
    handler.flush()
    assert capfd.readouterr() == ("", "heard\n")


def test_streams_come_back_after_a_failure(capfd: pytest.CaptureFixture[str]) -> None:
    def failing() -> None:
        with silence():
            raise KeyboardInterrupt

    descriptors = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    with pytest.raises(KeyboardInterrupt):
        failing()
    os.write(2, b"shown\n")
    assert capfd.readouterr().err == "shown\n"
    if descriptors is not None:
        assert len(os.listdir("/proc/self/fd")) == descriptors


@pytest.mark.slow
def test_closed_stream_stays_closed() -> None:
    code = (
        "import os, sys; os.close(2)\n"
        "from lwprof.timing.silence import silence\n"
        "with silence(): pass\n"
        "try: os.fstat(2)\n"
        "except OSError: print('closed')\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "closed\n"
