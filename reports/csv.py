"""CSV: raw numbers in base units under the JSON's key names, one table a file.

A profile has one row a layer, a comparison one row a network and timing, a crosscheck one row a
tool and term, and a page the rows of its first table. Raw samples are only in the JSON.

A spreadsheet runs a text that begins with ``=``, ``+``, ``-`` or ``@`` as a formula, and such a text
may come from somebody else's network: it is written with an apostrophe before it, which a spreadsheet
takes as "this is text". Numbers are left as they are. JSON has the name unchanged.
"""

from __future__ import annotations

from typing import Any

from lwprof.reports import layouts
from lwprof.reports.contents import printable
from lwprof.reports.formats import Content, Format
from lwprof.reports.options import Options


def write(content: Content, options: Options) -> str:
    """Write ``content`` whole; no option changes it."""
    import pandas

    records = [{key: _safe(value) for key, value in record.items()} for record in layouts.records(content)]
    return str(pandas.DataFrame(records, dtype=object).to_csv(index=False, lineterminator="\n"))


def _safe(value: Any) -> Any:
    if isinstance(value, list | tuple):
        value = "; ".join(map(str, value))
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


FORMAT = Format("csv", (".csv",), write)
