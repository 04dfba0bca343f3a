"""Document: the page as one text of ASCII, with all that it needs in it."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files

import jinja2

import lwprof
from lwprof.reports.html.sections import Contents
from lwprof.reports.html.tables import bits, classes, order, pieces

SCRIPTS = (
    "page.js", "tables.js", "charts.js", "bars.js", "tradeoff.js", "layers.js", "roofline.js", "fragmentation.js",
    "experiment.js", "start.js",
)  # fmt: skip
"""In the order in which they run, after the libraries."""
ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def render(contents: Contents) -> str:
    """Write the page. Every character that ASCII lacks is a reference, so that no encoding changes it."""
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    template = environment.from_string(read("page.html.jinja"))
    libraries = read("vendored/libraries.js")
    script = "(function () {\n" + "\n".join(read(name) for name in SCRIPTS) + "})();\n"
    text = template.render(
        bits=bits,
        classes=classes,
        contents=contents,
        data=embedded({section.id: section.data for section in contents.sections if section.chart}),
        hashes=[_hash(libraries), _hash(script)],
        libraries=libraries,
        licences=read("vendored/LICENSE"),
        order=order,
        pieces=pieces,
        script=script,
        style=read("page.css"),
        version=lwprof.__version__,
    )
    return text.encode("ascii", "xmlcharrefreplace").decode() + "\n"


def embedded(data: object) -> str:
    r"""Write data as JSON that can stand in a script element: nothing in it ends the element, or a line.

    >>> embedded("</script>\u2028&")
    '"\\u003c/script\\u003e\\u2028\\u0026"'
    """
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for letter, escape in ESCAPES.items():
        text = text.replace(letter, escape)
    return text


@cache
def read(name: str) -> str:
    """Read one of the files beside this module."""
    return (files("lwprof.reports.html") / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
