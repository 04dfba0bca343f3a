"""CSV: raw numbers in base units under the JSON's key names, one table a file.

A profile has one row a layer, a comparison one row a network and timing, a crosscheck one row a
tool and term, and a page the rows of its first table. Several results of one kind are in one table,
told apart by a first column ``result``. Raw samples are only in the JSON.

A spreadsheet runs a text that begins with ``=``, ``+``, ``-`` or ``@`` as a formula, and such a text
may come from somebody else's network: it is written with an apostrophe before it, which a spreadsheet
takes as "this is text". Numbers are left as they are. JSON has the name unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lwprof.errors import InputError
from lwprof.reports import layouts
from lwprof.reports.contents import printable
from lwprof.reports.formats import Content, Named, Writer
from lwprof.reports.options import Options


def write(content: Content, options: Options) -> str:
    """Write ``content`` whole; no option changes it."""
    return _text(layouts.records(content))


def write_all(named: Sequence[Named], options: Options) -> str:
    """Write several of one kind one under another, the first column saying which.

    Raises:
        InputError: they are of several kinds.
    """
    kinds = {_kind(content): name for name, content in reversed(named)}  # with the first name of each
    if len(kinds) > 1:
        told = ", ".join(f"{kind} ({name})" for kind, name in reversed(kinds.items()))
        raise InputError(f"csv has rows of one kind of result, not of {told}; take one kind, or json")
    return _text({"result": name, **record} for name, content in named for record in layouts.records(content))


def _kind(content: Content) -> str:
    """Name the kind of a result as its schema does.

    >>> from lwprof.reports.contents import Page
    >>> _kind(Page("", ()))
    'page'
    """
    return getattr(content, "schema", "lwprof.page/").partition(".")[2].partition("/")[0]


def _text(records: Iterable[Mapping[str, Any]]) -> str:
    import pandas

    rows = [{key: _safe(value) for key, value in record.items()} for record in records]
    return str(pandas.DataFrame(rows, dtype=object).to_csv(index=False, lineterminator="\n"))


def _safe(value: Any) -> Any:
    if isinstance(value, list | tuple):
        value = "; ".join(map(str, value))
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


WRITER = Writer(write, write_all)
