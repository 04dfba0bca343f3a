"""Model specs: the grammar of what people type to name a network.

``mbv2`` · ``mbv2:width=0.75,resolution=160`` · ``timm:lcnet_050`` · ``torchvision:resnet18`` ·
``path/net.py:TinyNet`` · ``pkg.mod:make_net``; options after a second colon are keyword
arguments of the builder. Nothing here imports torch.
"""

from __future__ import annotations

import ast
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from lwprof.errors import InputError, near
from lwprof.files import shown
from lwprof.results.networks import TensorSpec
from lwprof.units import DTYPE_BYTES

LIBRARIES = ("timm", "torchvision", "pytorchcv")
"""Packages whose networks are named as LIBRARY:NETWORK."""

Size = TensorSpec | tuple[int, ...]
"""Size of one input without the batch dimension; without a dtype it has that of the network."""

LARGEST_SIDE = 2**31 - 1
_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_WORDS = {"true": True, "false": False, "none": None}


@dataclass(frozen=True, slots=True)
class Spec:
    """A parsed model spec."""

    text: str
    kind: str
    """"catalogue" (any plain name), "library", "file" (a Python file), "module" (an importable module) or "onnx"."""
    place: str
    """The plain name, the library, the file's path, or the module's dotted name."""
    name: str
    """What the library, file or module holds, or a file's stem; empty for a plain name, and where none was given."""
    options: dict[str, str]
    """Keyword arguments of the builder, as typed."""
    folder: Path | None = None
    """Where a module is looked for; by default in the current folder."""

    @property
    def values(self) -> dict[str, object]:
        """The options as Python values."""
        return {key: literal(text) for key, text in self.options.items()}

    def under(self, folder: Path) -> Spec:
        """The same spec, its paths relative to ``folder``."""
        if self.kind in ("catalogue", "library"):
            return self
        if self.kind == "module":
            return replace(self, folder=folder)
        return replace(self, place=shown(folder / self.place))


def parse(text: str) -> Spec:
    """Take a model spec apart.

    >>> parse("mbv2:width=0.75,resolution=160").values
    {'width': 0.75, 'resolution': 160}
    >>> spec = parse("models/net.py:TinyNet:act='relu',sizes=[1,2]")
    >>> spec.kind, spec.place, spec.name, spec.values
    ('file', 'models/net.py', 'TinyNet', {'act': 'relu', 'sizes': [1, 2]})

    Raises:
        InputError: the text follows none of the forms, or names a kind that is not supported.
    """
    text = text.strip()
    if not text.strip(": "):
        raise InputError("a network's name is empty; try 'lwprof list'")
    head, _, rest = text.partition(":")
    if head in LIBRARIES:
        return _library(text, head, rest)
    if head.lower().endswith(".onnx"):
        if rest:
            raise InputError(f"{text!r}: an ONNX file takes no options; leave out {rest!r}")
        return Spec(text, "onnx", head, Path(head).stem, {})
    file = re.match(r"(.+?\.py)(?::|$)", text)
    if file:
        place, rest = file[1], text[file.end() :]
        return Spec(text, "file", place, *_name_and_options(text, rest))
    first = rest.partition(":")[0]
    if rest and "=" not in first and ("." in head or ":" in rest or _NAME.fullmatch(first)):
        if not _NAME.fullmatch(head):
            raise InputError(f"{text!r}: {head!r} is no module's name; a file is named as FILE.py:NAME")
        return Spec(text, "module", head, *_name_and_options(text, rest))
    if "/" in head and os.path.isfile(f"{head}.py"):
        raise InputError(f"unknown network {head!r}; a file is named as {head}.py:NAME")
    if text.endswith(":"):
        raise InputError(f"{text!r} ends with a colon; write NAME=VALUE behind it, or leave it out")
    return Spec(text, "catalogue", head, "", _options(text, rest))


def literal(text: str) -> object:
    """Read a Python literal; what is none stays the string it is.

    >>> literal("0.5"), literal("[1, 2]"), literal("false"), literal("relu"), literal("'8'")
    (0.5, [1, 2], False, 'relu', '8')
    """
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        value: object = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
    return value


def input_size(text: str) -> Size:
    """Read the size of one input, batch left out, with a dtype after a colon if it is not the network's own.

    >>> input_size("3x32x32"), input_size("3,32,32")
    ((3, 32, 32), (3, 32, 32))
    >>> input_size("16:int64")
    TensorSpec(shape=(16,), dtype='int64')

    Raises:
        InputError: not a list of positive whole numbers, or an unknown dtype.
    """
    sizes, colon, dtype = text.partition(":")
    dtype = dtype.strip()
    if colon:
        check_dtype(dtype, f"input size {text!r}")
    try:
        shape = tuple(int(size) for size in re.split("[,x×]", sizes))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1:
        raise InputError(f"input size {text!r} is not a list of positive whole numbers such as 3x224x224")
    if max(shape) > LARGEST_SIDE:
        raise InputError(f"input size {text!r} is too large: no side may be more than {LARGEST_SIDE}")
    return TensorSpec(shape, dtype) if dtype else shape


def check_dtype(dtype: str, label: str) -> None:
    """Refuse a dtype that no input can have; ``label`` is what it was given in.

    Raises:
        InputError: torch has no such dtype, or makes no tensors of it by itself.
    """
    known = [name for name in DTYPE_BYTES if not name.startswith("q")]
    if dtype not in known:
        hint = near(dtype, known) or "; write one such as float32 or int64"
        raise InputError(f"{label}: unknown dtype {dtype!r}{hint}")


def shape(size: Size) -> tuple[int, ...]:
    """Numbers of a size."""
    return size.shape if isinstance(size, TensorSpec) else size


def plain(name: str) -> str:
    """A network's name as it is compared: case, and "-" for "_", do not matter.

    >>> plain("MobileNet-v2")
    'mobilenet_v2'
    """
    return name.lower().replace("-", "_")


def _library(text: str, library: str, rest: str) -> Spec:
    name, _, options = rest.partition(":")
    if not re.fullmatch(r"\w[\w.-]*", name):
        advice = f"write {library}:NAME, or {library}:NAME:OPTION=VALUE"
        raise InputError(f"{text!r} names no network of {library}; {advice}")
    return Spec(text, "library", library, name, _options(text, options))


def _name_and_options(text: str, rest: str) -> tuple[str, dict[str, str]]:
    name, _, options = rest.partition(":")
    if "=" in name and not options:
        name, options = "", rest
    if name and not _NAME.fullmatch(name):
        raise InputError(f"{text!r}: {name!r} is not a name in Python")
    return name, _options(text, options)


def _options(text: str, options: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for option in _split(options):
        key, equals, value = (part.strip() for part in option.partition("="))
        if not key and not equals:
            continue
        if key.isidentifier() and not value:
            raise InputError(f"{text!r}: option {key!r} has no value; write {key}=VALUE")
        if not key.isidentifier() or not equals:
            raise InputError(f"{text!r}: option {option.strip()!r} is not written as NAME=VALUE")
        if key in found:
            raise InputError(f"{text!r}: option {key!r} is given twice")
        found[key] = value
    return found


def _split(options: str) -> list[str]:
    """Split at the commas that stand outside of brackets and quotes."""
    parts, depth, quote, start = [], 0, "", 0
    for place, letter in enumerate(options):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        elif letter == "," and depth <= 0:
            parts.append(options[start:place])
            start = place + 1
    return [*parts, options[start:]]
