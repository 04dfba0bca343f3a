"""Requests: what is asked of a network of the catalogue, checked against its entry before it is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lwprof.errors import InputError, near
from lwprof.models import specs
from lwprof.models.catalog import Entry, Option


def options_and_resolution(entry: Entry, parsed: specs.Spec) -> tuple[dict[str, object], int | None]:
    """Checked options for the builder, and the resolution if one is given.

    Raises:
        InputError: the network has no such option, or the option no such value.
    """
    options: dict[str, object] = {}
    resolution = None
    for key, text in parsed.options.items():
        if key == "resolution":
            resolution = pixels(parsed, text)
        else:
            options[key] = checked(entry, key, specs.literal(text), text)
    return options, resolution


def pixels(parsed: specs.Spec, text: str) -> int:
    """Read a resolution.

    Raises:
        InputError: it is no whole number of pixels.
    """
    value = specs.literal(text)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(f"{parsed.text}: resolution must be a whole number of pixels, not {text}")
    return value


def checked(entry: Entry, key: str, value: object, text: str) -> object:
    """``value``, if option ``key`` of the network can be that.

    Raises:
        InputError: there is no such option, or it cannot.
    """
    known: Mapping[str, Option] = {option.name: option for option in entry.options}
    if key not in known:
        names = [*known, "resolution"]
        hint = near(key, names) or f"; it has {', '.join(names)}"
        raise InputError(f"{entry.name} has no option {key!r}{hint}")
    default, choices = known[key].default, known[key].choices
    if isinstance(default, str) and not isinstance(value, str):
        value = text
    if isinstance(default, bool):
        fits, wanted = isinstance(value, bool), "true or false"
    elif isinstance(default, int):
        fits, wanted = isinstance(value, int) and not isinstance(value, bool), "a whole number"
    elif isinstance(default, float):
        fits, wanted = isinstance(value, int | float) and not isinstance(value, bool), "a number"
    else:
        fits, wanted = True, ""
    if not fits:
        raise InputError(f"{entry.name}: {key} must be {wanted}, not {text}")
    if choices and value not in choices:
        raise InputError(f"{entry.name}: {key} must be one of {', '.join(map(str, choices))}, not {text}")
    return value


def sizes(entry: Entry, given: Sequence[specs.Size], resolution: int | None) -> list[specs.Size]:
    """The input of a network of the catalogue, large enough for it.

    Raises:
        InputError: it takes no such input.
    """
    if given and resolution is not None:
        raise InputError(f"{entry.name}: give either resolution={resolution} or an input size, not both")
    side = entry.resolution if resolution is None else resolution
    wanted = list(given) or [(3, side, side)]
    shapes = [specs.shape(size) for size in wanted]
    if len(shapes) > 1 or len(shapes[0]) != 3 or shapes[0][0] != 3:
        raise InputError(f"{entry.name} takes one image such as 3,{entry.resolution},{entry.resolution}")
    if min(shapes[0][1:]) < entry.min_resolution:
        raise InputError(
            f"{entry.name} needs a resolution of at least {entry.min_resolution}, not {min(shapes[0][1:])}"
        )
    return wanted
