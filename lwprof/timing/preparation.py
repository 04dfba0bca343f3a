"""Preparation: networks converted, loaded and held against torch, on every target, before anything is timed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lwprof.errors import BackendError, LwprofError, first_line, missing_memory
from lwprof.inputs import Values
from lwprof.results.latency import Counted, Timing, Untimed
from lwprof.results.networks import TensorSpec
from lwprof.timing import devices
from lwprof.timing.contract import Loaded, Source
from lwprof.timing.conversions.cache import Converted, converted
from lwprof.timing.portable.clock import Clock
from lwprof.timing.sampling import Progress
from lwprof.timing.targets import Target

if TYPE_CHECKING:
    from lwprof.timing.boards.board import Board
    from lwprof.timing.emulation.counting import Process
    from lwprof.timing.references import Reference

Place = tuple[int, int]
"""Of a network and of a target."""

FLOATS = ("float32", "float16", "bfloat16", "float64")


@dataclass(frozen=True, slots=True)
class Subject:
    """A network to time."""

    label: str
    module: Any
    """``None`` for an ONNX file."""
    inputs: tuple[TensorSpec, ...]
    values: Values | None = None
    """The caller's own inputs, instead of random ones."""
    build_s: float = 0.0
    file: str = ""
    """Path of an ONNX file."""

    @property
    def batch(self) -> int:
        """First dimension of the first input."""
        return self.inputs[0].shape[0] if self.inputs and self.inputs[0].shape else 1

    @property
    def dtype(self) -> str:
        """Dtype of the first input with fractions, else of the first input."""
        dtypes = [spec.dtype for spec in self.inputs]
        return next((dtype for dtype in dtypes if dtype in FLOATS), dtypes[0] if dtypes else "float32")


class NothingToRunError(BackendError):
    """A backend does not run networks of this kind."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A network that is loaded on a target and computes what torch computes."""

    place: tuple[int, int]
    """Of the network and of the target."""
    loaded: Loaded
    load_s: float
    first_call_s: float | None
    """Before it was checked; ``None`` where that was not done."""
    converted: Converted | None
    difference: float | None
    ran: bool
    """Whether the network had run before it was sampled."""
    warnings: tuple[str, ...] = ()


class Preparation:
    """Converts and loads every network for every target; what fails is put down as an outcome."""

    def __init__(
        self,
        subjects: Sequence[Subject],
        targets: Sequence[Target],
        outcomes: dict[Place, Timing | Counted | Untimed],
        clock: Clock,
        progress: Progress | None,
        *,
        together: bool = False,
    ) -> None:
        """Plan it; where ``together``, all that is counted on one emulated core is loaded in one process."""
        self.failure = ""
        """What the first network raised that torch cannot run."""
        self._subjects, self._targets, self._outcomes = subjects, list(targets), outcomes
        self._clock = clock
        self._contents: dict[int, str] = {}
        self._boards: dict[str, Board | BackendError] = {}
        self._together = together
        self._processes: dict[str, Process] = {}
        self._alone = all(target.is_reference for target in targets)
        self._progress = None if self._alone else progress

    def ready(self, stack: ExitStack) -> Iterator[Ready]:
        """Give what can be timed, one after the other; settings and networks are put back when ``stack`` ends."""
        import torch

        from lwprof.preservation import evaluated, random_state
        from lwprof.timing.agreement import DisagreementError

        stack.enter_context(random_state())
        seed = self._targets[0].options.seed
        torch.default_generator.manual_seed(seed)
        able = []
        for row, subject in enumerate(self._subjects):
            try:
                if subject.module is not None:
                    stack.enter_context(evaluated(list(subject.module.modules())))
                able.append(row)
            except Exception as error:
                self._fail(subject, error)
        for column, target in enumerate(self._targets):  # networks are put back last, as ordinary tensors
            if target.unusable is None:
                try:
                    stack.enter_context(target.backend.settings(target.options))
                except Exception as error:
                    reason = f"backend {target.backend.name} cannot be set up ({first_line(error)})"
                    self._targets[column] = replace(target, unusable=reason)
        for row in able:
            subject = self._subjects[row]
            try:
                source, reference = self._source(row, seed)
            except Exception as error:
                self._fail(subject, error)
                continue
            for column, target in enumerate(self._targets):
                place = row, column
                self._report(f"{'count' if target.is_counted else 'load'} {subject.label} on {target.setting}", place)
                try:
                    with ExitStack() as own:  # what fails is let go of here
                        item = self._loaded(place, source, reference, own, stack)
                        stack.push(own.pop_all())
                except DisagreementError as error:
                    self._outcomes[place] = target.untimed(str(error), error.difference)
                except BackendError as error:
                    self._outcomes[place] = target.untimed(str(error), failed=not isinstance(error, NothingToRunError))
                except MemoryError as error:
                    self._fail(subject, error)
                    break
                else:
                    yield item

    def _fail(self, subject: Subject, error: Exception) -> None:
        if not self.failure:
            wanted = missing_memory(error)
            self.failure = (
                f"{subject.label} or its input is too large for this machine's memory ({wanted})"
                if wanted
                else f"{subject.label} cannot be timed: {first_line(error)}"
            )

    def _report(self, what: str, place: Place) -> None:
        if self._progress is not None:
            done = place[0] * len(self._targets) + place[1]
            self._progress(what, done / (len(self._subjects) * len(self._targets)))

    def _source(self, row: int, seed: int) -> tuple[Source, Reference | None]:
        """What is loaded, and what torch makes of it; nothing of that where only torch itself is asked."""
        from lwprof.inputs import random_tensors

        subject = self._subjects[row]
        values = random_tensors(subject.inputs, seed) if subject.values is None else subject.values
        file = Path(subject.file) if subject.file else None
        source = Source(subject.label, subject.module, values, file)
        if self._alone:
            return source, None
        self._report(f"check {subject.label}", (row, 0))
        from lwprof.timing import references

        if subject.module is None:
            assert file is not None
            return source, references.of_file(file, values, seed)
        reference = references.reference(subject.module, values, seed)
        return replace(source, module=reference.module), reference

    def _hashed(self, row: int, source: Source) -> Source:
        """Add the hash by which conversions are kept, the same on all targets: it takes a call of the network."""
        from lwprof.timing.conversions import fingerprint

        if row not in self._contents:
            self._contents[row] = (
                fingerprint.of_module(source.module, source.values)
                if source.file is None
                else fingerprint.of_file(source.file)
            )
        return replace(source, content=self._contents[row])

    def _loaded(
        self, place: Place, source: Source, reference: Reference | None, own: ExitStack, stack: ExitStack
    ) -> Ready:
        """Convert, load and check one network on one target; ``own`` lets go of it, ``stack`` of what others share.

        Raises:
            BackendError: it cannot be converted or loaded, or computes something else than torch.
            MemoryError: it is too large for the memory.
        """
        from lwprof.timing.agreement import UNCHECKABLE, agreement

        target = self._targets[place[1]]
        backend, options = target.backend, target.options
        if target.unusable is not None:
            raise BackendError(target.unusable)
        if source.module is None and not backend.runs_files:
            raise NothingToRunError(f"{backend.name} does not run ONNX files")
        subject = self._subjects[place[0]]
        known = None if target.is_reference else reference
        if known is not None and not known.outputs[0]:
            raise BackendError(f"{subject.label} gives back no tensor: {UNCHECKABLE}")
        files: Converted | None = None
        try:
            if (conversion := backend.conversion(source, options)) is not None:
                files = own.enter_context(converted(conversion, self._hashed(place[0], source), self._clock))
            start = self._clock.now()
            loaded = self._load(target, source, files.folder if files else None, stack)
            load_s = self._clock.now() - start if loaded.load_s is None else loaded.load_s
            own.callback(loaded.close)
            first_call_s, agreed = None, None
            if known is not None and loaded.count is None:
                start = self._clock.now()
                loaded.run()
                first_call_s = self._clock.now() - start if loaded.first_call_s is None else loaded.first_call_s
            if known is not None:
                dtypes = options.dtype, subject.dtype, f"{backend.name} {options.dtype}"
                agreed = agreement(loaded, known, dtypes, target.setting, subject.label)
        except LwprofError:
            raise
        except Exception as error:
            if (wanted := missing_memory(error)) and options.device == "cpu":
                raise MemoryError(wanted) from error
            raise BackendError(f"{target.setting} cannot load {subject.label}: {first_line(error)}") from error
        build_s = subject.build_s if files is None and not target.device.is_arm else 0.0  # files are loaded without it
        warnings = (files.warning if files else "", agreed.warning if agreed else "")
        return Ready(
            place,
            loaded,
            load_s + build_s,
            first_call_s,
            files,
            agreed.difference if agreed else None,
            ran=reference is not None,
            warnings=tuple(filter(None, warnings)),
        )

    def _load(self, target: Target, source: Source, folder: Path | None, stack: ExitStack) -> Loaded:
        """Load a network where it is to run.

        Raises:
            BackendError: it cannot be loaded, or what it is to run on cannot be reached.
        """
        device, options = target.device, target.options
        if not device.is_arm:
            return target.backend.load(source, options, folder)
        if device.kind == devices.EMULATED:
            from lwprof.timing.emulation import counting

            assert folder is not None
            process = self._processes.get(device.name)
            if self._together and (process is None or not process.usable):
                self._processes[device.name] = process = counting.start(device, target.backend.name)
                stack.callback(process.close)
            return counting.load(device, target.backend.name, source, options, folder, process)
        from lwprof.timing.boards import ssh

        if device.name not in self._boards:
            try:
                self._boards[device.name] = board = ssh.connect(device, options.cores)
                stack.callback(board.close)
            except BackendError as error:
                self._boards[device.name] = error
        found = self._boards[device.name]
        if isinstance(found, BackendError):
            raise found
        return found.load(target.backend.name, source, options, folder)
