"""The plugin that counts ARM instructions: what it takes each of them for, and what it needs to be compiled and run."""

from __future__ import annotations

import ctypes
import resource
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from lwprof.errors import BackendError
from lwprof.results.instructions import Instructions
from lwprof.timing.devices import EMULATED
from lwprof.timing.emulation import plugin, probe
from lwprof.timing.portable.agent import BEGIN, END

COMPILER = next(filter(None, map(shutil.which, plugin.COMPILERS)), None)
compiles = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")

# fmt: off
WORDS = [  # as an assembler writes them
    (0x4E22CC20, "vector_fma", "fmla v0.4s, v1.4s, v2.4s"),
    (0x4EE2CC20, "vector_fma", "fmls v0.2d, v1.2d, v2.2d"),
    (0x0FA21820, "vector_fma", "fmla v0.2s, v1.2s, v2.s[3]"),
    (0x4FC25820, "vector_fma", "fmls v0.2d, v1.2d, v2.d[1]"),
    (0x4E420C20, "vector_fma", "fmla v0.8h, v1.8h, v2.8h"),
    (0x0EC20C20, "vector_fma", "fmls v0.4h, v1.4h, v2.4h"),
    (0x4F321820, "vector_fma", "fmla v0.8h, v1.8h, v2.h[7]"),
    (0x4E22EC20, "vector_fma", "fmlal v0.4s, v1.4h, v2.4h"),
    (0x6EA2CC20, "vector_fma", "fmlsl2 v0.4s, v1.4h, v2.4h"),
    (0x4F920020, "vector_fma", "fmlal v0.4s, v1.4h, v2.h[1]"),
    (0x6F928020, "vector_fma", "fmlal2 v0.4s, v1.4h, v2.h[1]"),
    (0x5F821020, "scalar", "fmla s0, s1, v2.s[0]"),
    (0x1F020C20, "scalar", "fmadd s0, s1, s2, s3"),
    (0x1F628C20, "scalar", "fnmsub d0, d1, d2, d3"),
    (0x1E222820, "scalar", "fadd s0, s1, s2"),
    (0x1E212000, "scalar", "fcmp s0, s1"),
    (0x1E270020, "scalar", "fmov s0, w1"),
    (0x9E620020, "scalar", "scvtf d0, x1"),
    (0x5E140420, "scalar", "mov s0, v1.s[2]"),
    (0x8B020020, "scalar", "add x0, x1, x2"),
    (0x91000420, "scalar", "add x0, x1, #1"),
    (0x9B020C20, "scalar", "madd x0, x1, x2, x3"),
    (0x1AC20820, "scalar", "udiv w0, w1, w2"),
    (0x90000000, "scalar", "adrp x0, 0"),
    (0x9A820020, "scalar", "csel x0, x1, x2, eq"),
    (0xD3431820, "scalar", "ubfx x0, x1, #3, #4"),
    (0x6E22DC20, "vector_other", "fmul v0.4s, v1.4s, v2.4s"),
    (0x4E22D420, "vector_other", "fadd v0.4s, v1.4s, v2.4s"),
    (0x4FA29020, "vector_other", "fmul v0.4s, v1.4s, v2.s[1]"),
    (0x6FA29020, "vector_other", "fmulx v0.4s, v1.4s, v2.s[1]"),
    (0x4E22F420, "vector_other", "fmax v0.4s, v1.4s, v2.4s"),
    (0x6E82CC20, "vector_other", "fcmla v0.4s, v1.4s, v2.4s, #90"),
    (0x4EA29420, "vector_other", "mla v0.4s, v1.4s, v2.4s"),
    (0x6FA20020, "vector_other", "mla v0.4s, v1.4s, v2.s[1]"),
    (0x0E628020, "vector_other", "smlal v0.4s, v1.4h, v2.4h"),
    (0x4E829420, "vector_other", "sdot v0.4s, v1.16b, v2.16b"),
    (0x6FA2E020, "vector_other", "udot v0.4s, v1.16b, v2.4b[1]"),
    (0x6E42FC20, "vector_other", "bfdot v0.4s, v1.8h, v2.8h"),
    (0x6E42EC20, "vector_other", "bfmmla v0.4s, v1.8h, v2.8h"),
    (0x2EC2FC20, "vector_other", "bfmlalb v0.4s, v1.8h, v2.8h"),
    (0x4E82A420, "vector_other", "smmla v0.4s, v1.16b, v2.16b"),
    (0x4E040C20, "vector_other", "dup v0.4s, w1"),
    (0x0E0C3C20, "vector_other", "mov w0, v1.s[1]"),
    (0x4F000400, "vector_other", "movi v0.4s, #0"),
    (0x4E823820, "vector_other", "zip1 v0.4s, v1.4s, v2.4s"),
    (0x4E21D820, "vector_other", "scvtf v0.4s, v1.4s"),
    (0x0E217820, "vector_other", "fcvtl v0.4s, v1.4h"),
    (0x0F08A420, "vector_other", "sshll v0.8h, v1.8b, #0"),
    (0x4E284820, "vector_other", "aese v0.16b, v1.16b"),
    (0x5E024020, "vector_other", "sha256h q0, q1, v2.4s"),
    (0x4C407800, "vector_load", "ld1 {v0.4s}, [x0]"),
    (0x4CDF2800, "vector_load", "ld1 {v0.4s, v1.4s, v2.4s, v3.4s}, [x0], #64"),
    (0x4CC18800, "vector_load", "ld2 {v0.4s, v1.4s}, [x0], x1"),
    (0x0D409000, "vector_load", "ld1 {v0.s}[1], [x0]"),
    (0x4D40C800, "vector_load", "ld1r {v0.4s}, [x0]"),
    (0x3DC00400, "vector_load", "ldr q0, [x0, #16]"),
    (0x3CC10400, "vector_load", "ldr q0, [x0], #16"),
    (0x3CE16800, "vector_load", "ldr q0, [x0, x1]"),
    (0xBD400000, "vector_load", "ldr s0, [x0]"),
    (0x5C000040, "vector_load", "ldr d0, 8"),
    (0x3CDFD000, "vector_load", "ldur q0, [x0, #-3]"),
    (0xAD400400, "vector_load", "ldp q0, q1, [x0]"),
    (0x6C400400, "vector_load", "ldnp d0, d1, [x0]"),
    (0x4C007800, "vector_store", "st1 {v0.4s}, [x0]"),
    (0x4C9FA800, "vector_store", "st1 {v0.4s, v1.4s}, [x0], #32"),
    (0x0D202C00, "vector_store", "st4 {v0.b, v1.b, v2.b, v3.b}[3], [x0]"),
    (0x3D800400, "vector_store", "str q0, [x0, #16]"),
    (0x3C9F0C00, "vector_store", "str q0, [x0, #-16]!"),
    (0xBD000000, "vector_store", "str s0, [x0]"),
    (0xFC1FD000, "vector_store", "stur d0, [x0, #-3]"),
    (0xADBF0400, "vector_store", "stp q0, q1, [x0, #-32]!"),
    (0xF9400020, "load", "ldr x0, [x1]"),
    (0xB8627820, "load", "ldr w0, [x1, x2, lsl #2]"),
    (0x58000040, "load", "ldr x0, 8"),
    (0xB9800020, "load", "ldrsw x0, [x1]"),
    (0x38401420, "load", "ldrb w0, [x1], #1"),
    (0xA8C107E0, "load", "ldp x0, x1, [sp], #16"),
    (0x69400440, "load", "ldpsw x0, x1, [x2]"),
    (0xC85F7C20, "load", "ldxr x0, [x1]"),
    (0x88DFFC20, "load", "ldar w0, [x1]"),
    (0xD9401020, "load", "ldapur x0, [x1, #1]"),
    (0xF8200041, "load", "ldadd x0, x1, [x2]"),
    (0xF8E08041, "load", "swpal x0, x1, [x2]"),
    (0xC8A07C41, "load", "cas x0, x1, [x2]"),
    (0x48207C82, "load", "casp x0, x1, x2, x3, [x4]"),
    (0xF9802000, "load", "prfm pldl1keep, [x0, #64]"),
    (0xF9000020, "store", "str x0, [x1]"),
    (0xB8226820, "store", "str w0, [x1, x2]"),
    (0x38001420, "store", "strb w0, [x1], #1"),
    (0xA9BF7BFD, "store", "stp x29, x30, [sp, #-16]!"),
    (0xC8007C41, "store", "stxr w0, x1, [x2]"),
    (0x889FFC20, "store", "stlr w0, [x1]"),
    (0xD9001020, "store", "stlur x0, [x1, #1]"),
    (0x14000002, "branch", "b 8"),
    (0x94000002, "branch", "bl 8"),
    (0x54000041, "branch", "b.ne 8"),
    (0xB4000040, "branch", "cbz x0, 8"),
    (0x37180040, "branch", "tbnz w0, #3, 8"),
    (0xD61F0000, "branch", "br x0"),
    (0xD63F0000, "branch", "blr x0"),
    (0xD65F03C0, "branch", "ret"),
    (0xD4000001, "other", "svc #0"),
    (0xD503201F, "other", "nop"),
    (0xD53BD040, "other", "mrs x0, tpidr_el0"),
    (0xD5033BBF, "other", "dmb ish"),
    (0xD4200020, "other", "brk #1"),
    (0x00000000, "other", "udf #0"),
    (0x65A20020, "other", "fmla z0.s, p0/m, z1.s, z2.s"),
]
# fmt: on


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    made = tmp_path_factory.mktemp("plugin") / "arm.so"
    assert COMPILER is not None
    strict = ("-Wall", "-Wextra", "-Werror")
    subprocess.run([COMPILER, *plugin.FLAGS, *strict, "-o", str(made), str(plugin.SOURCE)], check=True)
    found = ctypes.CDLL(str(made))
    found.class_name.restype = ctypes.c_char_p
    return found


@compiles
@pytest.mark.parametrize(("word", "kind"), [pytest.param(word, kind, id=text) for word, kind, text in WORDS])
def test_an_instruction_has_its_class(library: ctypes.CDLL, word: int, kind: str) -> None:
    assert library.class_name(library.instruction_class(ctypes.c_uint32(word))).decode() == kind


@compiles
def test_the_classes_are_those_of_the_result(library: ctypes.CDLL) -> None:
    names = [library.class_name(number).decode() for number in range(9)]
    assert ["total", *names] == list(asdict(probe.COUNTS))
    assert library.class_name(9) is None


# ---- The interface of several versions of QEMU -----------------------------------------------------------------------

Fake = Callable[..., str]


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Fake:
    """Make programs that take plugins as a version of QEMU does."""
    folder = tmp_path_factory.mktemp("qemu")

    def make(current: int, lowest: int) -> str:
        place = folder / f"qemu-{lowest}-{current}"
        if not place.exists():
            assert COMPILER is not None
            source = Path(__file__).parent / "fake_qemu.c"
            defines = (f"-DCURRENT={current}", f"-DLOWEST={lowest}")
            subprocess.run([COMPILER, "-rdynamic", *defines, "-o", str(place), str(source), "-ldl"], check=True)
        return str(place)

    return make


@pytest.mark.slow
@compiles
@pytest.mark.parametrize(("current", "lowest"), [(1, 0), (2, 2), (3, 2), (4, 2), (6, 2), (7, 2), (7, 7)])
def test_it_counts_with_every_version_of_the_interface(fake: Fake, current: int, lowest: int, tmp_path: Path) -> None:
    qemu = fake(current, lowest)
    assert run([qemu], tmp_path, probe.program(probe.BODY, ())) == [probe.COUNTS, closing()]


@pytest.mark.slow
@compiles
@pytest.mark.parametrize("lowest", [2, 8])
def test_a_qemu_that_is_too_new_is_refused(fake: Fake, lowest: int) -> None:
    with pytest.raises(BackendError, match=r"^QEMU 13\.0\.0 \(.*\) is too new: it has version 8 of its plugin interf"):
        plugin.compiled([fake(8, lowest)])


@pytest.mark.slow
@compiles
def test_a_qemu_that_is_too_old_is_refused(fake: Fake) -> None:
    with pytest.raises(BackendError, match=r"^QEMU 5\.0\.0 \(.*\) is too old for the plugin; QEMU 7 to 11 will do$"):
        plugin.compiled([fake(0, 0)])


@pytest.mark.slow
@compiles
def test_a_qemu_that_counts_wrongly_is_refused(fake: Fake) -> None:
    with pytest.raises(BackendError, match=r"does not run the plugin: it counts a known program wrongly .*total=28"):
        plugin.compiled([fake(4, 2)], {"FAKE_QEMU_ENTERS": "2"})


@pytest.mark.slow
@compiles
def test_a_line_is_written_whole_or_not_at_all(fake: Fake, tmp_path: Path) -> None:
    qemu, counts = [fake(4, 2)], tmp_path / "counts"
    done = start(qemu, counts, write(tmp_path, probe.program((), ())), limit=250)
    assert "cannot write" in done.stderr
    assert plugin.read(counts) == [closing()]


# ---- Compiling -------------------------------------------------------------------------------------------------------


def script(folder: Path, name: str, text: str) -> str:
    place = folder / name
    place.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    place.chmod(place.stat().st_mode | stat.S_IXUSR)
    return str(place)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "a cache=yes"
    monkeypatch.setenv("LWPROF_CACHE", str(folder))
    monkeypatch.delenv("CC", raising=False)
    return folder


def test_without_a_compiler_it_says_what_to_install(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackendError, match=r"^arm-emulated needs a C compiler: install gcc and libc6-dev, or clang$"):
        plugin.compiled(["qemu-aarch64"])
    monkeypatch.setenv("CC", "no-such-cc -m64")
    with pytest.raises(BackendError, match=r"^the C compiler no-such-cc that CC names is not there; "):
        plugin.compiled(["qemu-aarch64"])
    monkeypatch.setenv("CC", '"cc')
    with pytest.raises(
        BackendError, match=r"^cannot read CC \(No closing quotation\): write a command as for a shell$"
    ):
        plugin.compiled(["qemu-aarch64"])


def test_a_compiler_that_fails_is_quoted(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "echo In file included from a.c:9: >&2; echo 'a.c:9:10: fatal error: errno.h: No such file' >&2; exit 1"
    monkeypatch.setenv("CC", script(tmp_path, "broken-cc", said))
    with pytest.raises(BackendError) as caught:
        plugin.compiled(["qemu-aarch64"])
    assert str(caught.value) == (
        "broken-cc cannot compile the plugin for QEMU: a.c:9:10: fatal error: errno.h: No such file"
    )
    monkeypatch.setenv("CC", script(tmp_path, "idle-cc", "exit 0"))
    with pytest.raises(BackendError, match=r"^idle-cc cannot compile the plugin for QEMU: it ended with code 0$"):
        plugin.compiled(["qemu-aarch64"])
    assert list((cache / EMULATED).iterdir()) == []


@compiles
def test_it_is_compiled_once(cache: Path, fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("CC", script(tmp_path, "logged-cc", f'echo "$1" >> "{log}"; exec "{COMPILER}" "$@"'))
    qemu = [fake(4, 2)]
    first, second = plugin.compiled(qemu), plugin.compiled(qemu)
    assert first == second
    assert log.read_text(encoding="utf-8").split().count(plugin.FLAGS[0]) == 1
    assert list((cache / EMULATED).iterdir()) == [first]


@pytest.mark.slow
@compiles
def test_processes_that_compile_at_once_do_not_disturb_each_other(cache: Path, fake: Fake) -> None:
    code = "import sys; from lwprof.timing.emulation import plugin; print(plugin.compiled(sys.argv[1:]))"
    command = [sys.executable, "-c", code, fake(4, 2)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=cache.parent) for _ in range(3)]
    told = {process.communicate()[0].strip() for process in started}
    assert [process.returncode for process in started] == [0, 0, 0]
    assert told == {str(path) for path in (cache / EMULATED).iterdir()}
    assert len(told) == 1


@compiles
def test_a_cache_that_cannot_be_written_is_named(cache: Path, fake: Fake) -> None:
    cache.write_text("a file", encoding="utf-8")
    with pytest.raises(BackendError, match=r"^the plugin for QEMU cannot be kept in .*: Not a directory$"):
        plugin.compiled([fake(4, 2)])


@compiles
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("echo \"qemu: unknown option 'plugin'\" >&2; exit 1", "was built without plugins, as are qemu-user-static"),
        ("echo 'qemu-aarch64: Could not load plugin: file too short' >&2; exit 1", "plugin: qemu-aarch64: Could not"),
        ("exit 7", "does not run the plugin: it ended with code 7"),
        ("kill -9 $$", "does not run the plugin: it ended with code -9"),
        ("exit 0", r"does not run the plugin: it says nothing of a known program; is /.* full\?$"),
    ],
)
def test_a_qemu_that_does_not_run_it_says_so(tmp_path: Path, said: str, expected: str) -> None:
    qemu = script(tmp_path, "qemu", f'case "$*" in *--version) echo qemu-aarch64 version 8.1.2; exit;; esac; {said}')
    with pytest.raises(BackendError, match=expected) as caught:
        plugin.compiled([qemu, "-U", "LD_LIBRARY_PATH"])
    assert "\n" not in str(caught.value)
    assert qemu in str(caught.value)


@compiles
def test_a_qemu_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"^qemu-aarch64 cannot be started: No such file or directory$"):
        plugin.compiled([tmp_path / "qemu-aarch64"])


# ---- Counts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["{", "[]", "7", '{"elsewhere": 0}', '{"vector_fma": 1, "elsewhere": 0}', '{"a": "b"}']
)
def test_counts_that_are_damaged_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "counts").write_text(text, encoding="utf-8")
    with pytest.raises(BackendError, match=r"^the counted instructions in .* cannot be read: "):
        plugin.read(tmp_path / "counts")


def test_a_program_without_regions_has_no_counts(tmp_path: Path) -> None:
    assert plugin.read(tmp_path / "counts") == []


# ---- Under QEMU ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def qemu() -> list[str]:
    found = shutil.which("qemu-aarch64")
    if found is None or COMPILER is None:
        pytest.skip("there is no qemu-aarch64 here, or no C compiler")
    try:
        plugin.compiled([found])
    except BackendError as error:
        pytest.skip(str(error))
    return [found]


def write(folder: Path, content: bytes) -> Path:
    program = folder / "program"
    program.write_bytes(content)
    program.chmod(0o755)
    return program


def start(
    qemu: Sequence[str], counts: Path, program: Path, limit: int | None = None
) -> subprocess.CompletedProcess[str]:
    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [*qemu, "-plugin", plugin.option(plugin.compiled(qemu), counts), str(program)]
    return subprocess.run(command, capture_output=True, text=True, preexec_fn=limited, timeout=60)


def run(qemu: Sequence[str], folder: Path, content: bytes) -> list[Instructions]:
    done = start(qemu, folder / "counts", write(folder, content))
    assert (done.returncode, done.stderr) == (0, "")
    return plugin.read(folder / "counts")


def closing(**more: int) -> Instructions:
    """A region of these instructions, and the four that close it."""
    found = dict.fromkeys(asdict(probe.COUNTS), 0) | more
    found["scalar"] += 3
    found["other"] += 1
    return Instructions(**found | {"total": sum(found.values())})


@pytest.mark.slow
def test_every_class_is_counted_exactly(qemu: list[str], tmp_path: Path) -> None:
    assert run(qemu, tmp_path, probe.program(probe.BODY)) == [probe.COUNTS]


@pytest.mark.slow
def test_an_empty_region_is_what_closes_it(qemu: list[str], tmp_path: Path) -> None:
    assert run(qemu, tmp_path, probe.program(())) == [closing()]


@pytest.mark.slow
def test_regions_of_one_process_are_counted_apart(qemu: list[str], tmp_path: Path) -> None:
    regions = [probe.BODY, (), probe.BODY * 3, probe.BODY]
    thrice = closing(
        vector_fma=6, vector_load=3, vector_store=3, vector_other=3, scalar=3, branch=3, load=3, store=3, other=3
    )
    assert run(qemu, tmp_path, probe.program(*regions)) == [probe.COUNTS, closing(), thrice, probe.COUNTS]


@pytest.mark.slow
def test_a_loop_is_counted_as_often_as_it_runs(qemu: list[str], tmp_path: Path) -> None:
    loop = (
        0xD2807D03,  # mov x3, #1000
        0x4E22CC20,  # fmla v0.4s, v1.4s, v2.4s
        0x6E22DC20,  # fmul v0.4s, v1.4s, v2.4s
        0xF1000463,  # subs x3, x3, #1
        0x54FFFFA1,  # b.ne, to the fmla
    )
    expected = closing(vector_fma=1000, vector_other=1000, scalar=1001, branch=1000)
    assert run(qemu, tmp_path, probe.program(loop)) == [expected]


@pytest.mark.slow
def test_half_precision_counts_an_instruction_once(qemu: list[str], tmp_path: Path) -> None:
    eight_lanes = (0x4E420C20,)  # fmla v0.8h, v1.8h, v2.8h
    a76 = [*qemu, "-cpu", "cortex-a76"]
    assert run(a76, tmp_path, probe.program(eight_lanes)) == [closing(vector_fma=1)]


@pytest.mark.slow
def test_marks_without_each_other_count_nothing(qemu: list[str], tmp_path: Path) -> None:
    opened, closed = probe.mark(BEGIN), probe.mark(END)
    nop = 0xD503201F
    words = [*opened, *closed, *closed, nop, *opened, nop, *opened, *closed, *_words(probe.program())]
    assert run(qemu, tmp_path, probe.executable(words)) == [closing(), closing()]


@pytest.mark.slow
def test_a_region_beside_a_thread_that_is_not_idle_is_refused(qemu: list[str], tmp_path: Path) -> None:
    clone = [0xD281E000, 0xF2A000A0, 0xD14007E1, 0xD2800002, 0xD2800003, 0xD2800004, 0xD2801B88, 0xD4000001]
    thread = [
        0x910003E6,  # mov x6, sp
        *clone,  # flags 0x50f00, a stack below this one's, no identifiers
        0xB50000A0,  # cbnz x0, over what the new thread does, which got 0
        0xF94000C5,  # ldr x5, [x6]
        0x910004A5,  # add x5, x5, #1
        0xF90000C5,  # str x5, [x6]
        0x17FFFFFD,  # b, to the ldr
    ]
    until_it_has_counted_two = [
        0xF94000C7,  # ldr x7, [x6]
        0x910008E7,  # add x7, x7, #2
        0xF94000C9,  # ldr x9, [x6]
        0xEB07013F,  # cmp x9, x7
        0x54FFFFCB,  # b.lt, to the ldr
    ]
    said = r"^a network was not counted alone: other threads executed [\d,]+ instructions meanwhile$"
    with pytest.raises(BackendError, match=said):
        run(qemu, tmp_path, probe.executable([*thread, *_words(probe.program(until_it_has_counted_two))]))


def _words(program: bytes) -> list[int]:
    code = program[64 + 56 :]
    return [int.from_bytes(code[at : at + 4], "little") for at in range(0, len(code), 4)]


@pytest.mark.slow
def test_paths_may_have_commas(qemu: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "out=1,2"
    folder.mkdir()
    monkeypatch.setenv("LWPROF_CACHE", str(folder))
    assert run(qemu, folder, probe.program(())) == [closing()]
    assert plugin.compiled(qemu).is_relative_to(folder)
