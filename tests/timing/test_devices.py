"""What the names of devices mean."""

from __future__ import annotations

import pytest

from lwprof.errors import InputError
from lwprof.timing import devices


@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_device_of_this_machine(name: str) -> None:
    device = devices.parse(name)
    assert (device.name, device.kind, device.is_arm) == (name, name, False)


@pytest.mark.parametrize(
    ("given", "name", "core"),
    [
        ("arm-emulated", "arm-emulated:cortex-a76", "cortex-a76"),
        ("arm-emulated:cortex-a76", "arm-emulated:cortex-a76", "cortex-a76"),
        ("arm-emulated:cortex-a53", "arm-emulated:cortex-a53", "cortex-a53"),
    ],
)
def test_emulated_core_has_its_full_name(given: str, name: str, core: str) -> None:
    device = devices.parse(given)
    assert (device.name, device.kind, device.core, device.is_arm) == (name, "arm-emulated", core, True)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("ssh://board", ("", "board", "", "")),
        ("ssh://pi@board.local", ("pi", "board.local", "", "")),
        ("ssh://pi@192.168.1.7:2222", ("pi", "192.168.1.7", "2222", "")),
        ("ssh://pi@[fe80::1%eth0]:22", ("pi", "[fe80::1%eth0]", "22", "")),
        ("ssh://pi@board/usr/bin/python3.13", ("pi", "board", "", "/usr/bin/python3.13")),
        ("ssh://board:22/", ("", "board", "22", "")),
    ],
)
def test_board_is_a_host_with_what_else_is_given(name: str, parts: tuple[str, ...]) -> None:
    device = devices.parse(name)
    assert (device.user, device.host, device.port, device.python) == parts
    assert (device.kind, device.is_arm) == ("ssh", True)
    assert device.name == name.rstrip("/")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("npu", "unknown device 'npu'; there is cpu, cuda, arm-emulated, ssh://user@board"),
        ("pi@board", "unknown device 'pi@board'; there is cpu, cuda, arm-emulated, ssh://user@board"),
        ("", "unknown device ''; there is cpu, cuda, arm-emulated, ssh://user@board"),
        ("cpu:0", "unknown device 'cpu:0'; there is cpu, cuda, arm-emulated, ssh://user@board"),
        (
            "arm-emulated:cortex-a75",
            "no core 'cortex-a75' is emulated; there is cortex-a76, cortex-a72, cortex-a53",
        ),
        ("arm-emulated:", "no core '' is emulated; there is cortex-a76, cortex-a72, cortex-a53"),
        *(
            (
                name,
                f"cannot read the board {name!r}; write ssh://user@board, ssh://user@board:port "
                "or ssh://user@board/path/to/python",
            )
            for name in ("ssh://", "ssh:board", "ssh://-oProxyCommand=true", "ssh://a b", "ssh://board:99999",
                         "ssh://-l@board", "ssh://board/bin/python;reboot", "ssh://board\n")
        ),
    ],
)  # fmt: skip
def test_other_names_are_refused(name: str, message: str) -> None:
    with pytest.raises(InputError) as raised:
        devices.parse(name)
    assert str(raised.value) == message


def test_cores_with_half_precision_are_cores() -> None:
    assert set(devices.HALF_PRECISION) < set(devices.CORES)
