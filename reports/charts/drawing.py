"""Drawing: how every chart looks, and how it becomes files that are the same whenever they are made."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lwprof.errors import BackendError
from lwprof.reports.contents import printable

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#707070"
"""Colours that the colour-blind tell apart, by Okabe and Ito; no chart relies on them alone."""

STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#505050",
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "figure.titlesize": 11,
    "font.size": 9,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "svg.hashsalt": "lwprof",
    "text.parse_math": False,  # names may have dollars in them
}
LONGEST = 34
"""Of a name, in letters."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart that can be drawn."""

    kind: str
    """What its files are called."""
    alt: str
    """What is seen, for who does not see it."""
    size: tuple[float, float]
    """In inches."""
    draw: Callable[[Figure], None]

    def files(self) -> dict[str, bytes]:
        """Draw it, and give the contents of its files by their endings.

        Raises:
            BackendError: matplotlib is not installed.
        """
        try:
            import matplotlib
        except ImportError as error:
            raise BackendError("charts need matplotlib: pip install 'lwprof[charts]'") from error
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        found = {}
        with matplotlib.rc_context(), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of letters that the font has not
            matplotlib.rcParams.update({**matplotlib.rcParamsDefault, **STYLE, "backend": "agg"})
            figure = Figure(self.size, dpi=160, facecolor="white", layout="constrained")
            FigureCanvasAgg(figure)
            self.draw(figure)
            for ending, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
                buffer = io.BytesIO()
                figure.savefig(buffer, format=ending, metadata=metadata)
                found[ending] = buffer.getvalue()
        return found


def shortened(name: str) -> str:
    """Cut the middle out of a name that is too long for a chart.

    >>> shortened("mbv2"), shortened("features.12.block.expansion.convolution.0")
    ('mbv2', 'features.12.bloc…on.convolution.0')
    """
    name = printable(name)
    return name if len(name) <= LONGEST else f"{name[: LONGEST // 2 - 1]}…{name[-(LONGEST // 2 - 1) :]}"


def halves(values: Sequence[float], intervals: Sequence[tuple[float, float]]) -> list[list[float]]:
    """How far intervals reach to either side; not at all where a damaged result has its value outside."""
    pairs = list(zip(values, intervals, strict=True))
    return [
        [max(0.0, value - low) for value, (low, _) in pairs],
        [max(0.0, high - value) for value, (_, high) in pairs],
    ]


def scale_by_powers(axis: Axis, low: float, high: float, of: Callable[[float], str]) -> None:
    """Write the numbers of a logarithmic axis by ``of``: powers of ten, and times 2 and 5 where there is room."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.axes.set(**{f"{axis.axis_name}scale": "log", f"{axis.axis_name}lim": (low, high)})
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 1e4 * low else (1.0,)))
    axis.set_major_formatter(FuncFormatter(lambda number, _: of(number)))
    axis.set_minor_formatter(NullFormatter())
