"""One look for every figure, and one way to put a figure into a notebook."""

from __future__ import annotations

import base64
import functools
import json
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from itertools import cycle
from numbers import Real
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import plotly.graph_objects as go
import plotly.io as pio

from planning.centre.money import currency_sign

if TYPE_CHECKING:
    from planning.centre import Centre

PLOTLY_MIME: Final = "application/vnd.plotly.v1+json"

COLOURS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "first": "#0072B2",
        "second": "#E69F00",
        "requirement": "#1F2933",
        "supply": "#8FB8D6",
        "target": "#009E73",
        "bad": "#C8401F",
    }
)
"""Fixed colours by meaning: if you know one figure you can read the next (after Okabe and Ito, 2008)."""

_ACRONYMS: Final = {"b2b", "sms", "vip"}
PALETTE: Final = (COLOURS["first"], COLOURS["second"], "#CC79A7", "#56B4E9", "#5B4B8A", "#8C6D31")
"""Colours of things without a fixed meaning: sites, for example."""
GREY: Final = "#9AA5B1"

CONFIG: Final = {"displaylogo": False, "responsive": True, "modeBarButtons": [["toImage", "resetScale2d"]]}
"""Settings of a live figure; among the buttons left out is the one that sends its data to plotly's cloud."""

_GRID: Final = "#E8ECF0"
_PNG_WIDTH: Final = 900
_HEIGHT: Final = 400
# Nothing listens on the discard port, so every request of the browser to the outside fails on this machine.
_NO_PROXY: Final = "http://127.0.0.1:9"


def template() -> go.layout.Template:
    """Return the house template: white, thin grid, colours by meaning.

    Examples
    --------
    >>> template().layout.font.size
    14
    """
    axis = {
        "automargin": True,
        "gridcolor": _GRID,
        "linecolor": GREY,
        "tickcolor": GREY,
        "title": {"font": {"size": 13}, "standoff": 10},
        "zeroline": False,
    }
    return go.layout.Template(
        layout={
            "colorway": [*COLOURS.values()],
            "font": {
                "family": "Inter, Segoe UI, Roboto, Helvetica, Arial, sans-serif",
                "size": 14,
                "color": "#1F2933",
            },
            "height": _HEIGHT,
            "hoverlabel": {"bgcolor": "white", "bordercolor": "#CBD2D9", "font": {"size": 13}},
            "hovermode": "x unified",
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
            "margin": {"l": 64, "r": 24, "t": 84, "b": 56},
            "paper_bgcolor": "white",
            "plot_bgcolor": "white",
            "title": {"x": 0, "xref": "paper", "y": 0.96, "yanchor": "top", "font": {"size": 17}},
            "xaxis": {**axis, "showgrid": False, "showline": True, "ticks": "outside"},
            "yaxis": {**axis, "showgrid": True},
        }
    )


def colours_of(names: Iterable[str]) -> dict[str, str]:
    """Assign a colour to each name by its place, so that a site looks the same in every figure.

    Examples
    --------
    >>> colours_of(["berlin", "porto"])
    {'berlin': '#0072B2', 'porto': '#E69F00'}
    """
    return dict(zip(names, cycle(PALETTE)))


def plain(text: str) -> str:
    """Write angle brackets in another way: figures and Markdown would take a name with them for HTML.

    Examples
    --------
    >>> plain("<b>sales</b>")
    '‹b›sales‹/b›'
    """
    return text.translate(str.maketrans("<>", "‹›"))


def label(name: str) -> str:
    """Write the name of a queue or another common name as a reader does.

    Examples
    --------
    >>> label("first_line"), label("vip")
    ('First line', 'VIP')
    """
    text = " ".join(word.upper() if word in _ACRONYMS else word for word in plain(name).split("_"))
    return text[:1].upper() + text[1:]


def site_label(site: str) -> str:
    """Write the name of a site as a reader does: a proper name.

    Examples
    --------
    >>> site_label("new_york")
    'New York'
    """
    return " ".join(word[:1].upper() + word[1:] for word in plain(site).split("_"))


def team_label(team: str, site: str) -> str:
    """Write the name of a team as a reader does: what it does, then its site if the name holds it.

    Examples
    --------
    >>> team_label("first_line_porto", "porto"), team_label("new_york_sales", "new_york")
    ('First line, Porto', 'Sales, New York')
    >>> team_label("service", "office")
    'Service'
    """
    work = team.removesuffix(f"_{site}").removeprefix(f"{site}_")
    return label(team) if work == team else f"{label(work)}, {site_label(site)}"


def money_axis(centre: Centre, amounts: Iterable[float]) -> tuple[float, str]:
    """Choose the unit of an axis of money by its largest amount: the factor on amounts, and the title.

    Examples
    --------
    >>> from planning import Centre
    >>> money_axis(Centre.load().replace({"currency": "EUR"}), [1200.0, -2_500_000.0])
    (1e-06, '€ million')
    """
    largest = max((abs(amount) for amount in amounts if amount == amount), default=0.0)
    factor, word = (
        (1e-6, "million") if largest >= 1e6 else (1e-3, "thousand") if largest >= 1e3 else (1.0, "")
    )
    return factor, f"{currency_sign(centre)} {word}".strip() or "cost"


def figure(*traces: Any, **layout: Any) -> go.Figure:
    """Start a figure in the house style, without plotly's own large template.

    Parameters
    ----------
    *traces : plotly traces
    **layout : layout attributes of plotly, as ``title="..."`` or ``yaxis_title="..."``

    Examples
    --------
    >>> fig = figure(go.Scatter(y=[1, 2]), title="Agents")
    >>> fig.layout.template.layout.hovermode
    'x unified'
    """
    fig = go.Figure(data=[*traces], layout={"template": template()})
    return fig.update_layout(**layout)


def show(fig: go.Figure, numbers: Mapping[str, object] | None = None) -> None:
    """Display a figure as one bundle: live in JupyterLab, a picture on GitHub, numbers for the tests.

    Parameters
    ----------
    fig : plotly Figure; shown in the house style instead of its own template, and not modified
    numbers : the figure's message in numbers, by name; by default each trace's count and range

    Notes
    -----
    The picture needs a Chromium on the machine. It is left out without one, and with ``PLANNING_PNG=0``.
    """
    from IPython.display import display

    display(Bundle(fig, numbers))


def answer(text: str) -> None:
    """Display the notebook's answer: a sentence in Markdown with its computed number in bold."""
    from IPython.display import Markdown, display

    display(Markdown(text))


class Bundle:
    """A figure as IPython displays it: plotly JSON, PNG, and text, the same on every run.

    Parameters
    ----------
    fig, numbers : see `show`

    Examples
    --------
    >>> print(Bundle(figure(title="Agents at night"), {"Berlin": 0, "Porto": 41}))
    Agents at night
    Berlin: 0
    Porto: 41
    """

    def __init__(self, fig: go.Figure, numbers: Mapping[str, object] | None = None) -> None:
        self.spec = house_spec(fig)
        lines = summary(fig) if numbers is None else (f"{name}: {_number(n)}" for name, n in numbers.items())
        self.text = "\n".join(filter(None, [_plain(fig.layout.title.text), *lines])) or "empty figure"

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        picture = png(self.spec)
        image = {} if picture is None else {"image/png": base64.b64encode(picture).decode("ascii")}
        return {PLOTLY_MIME: self.spec, **image, "text/plain": self.text}


def house_spec(fig: go.Figure) -> dict[str, Any]:
    """Return the figure as plain JSON in the house style, without plotly's random ids.

    Examples
    --------
    >>> sorted(house_spec(go.Figure()))
    ['config', 'data', 'layout']
    """
    spec: dict[str, Any] = json.loads(pio.to_json(fig, validate=False, remove_uids=True))
    spec["layout"]["template"] = template().to_plotly_json()
    return spec | {"config": CONFIG}


def summary(fig: go.Figure) -> Iterator[str]:
    """Yield a line for each trace: its name, how many values it has, and their range.

    Examples
    --------
    >>> list(summary(figure(go.Scatter(y=[3, 1, 2], name="agents"))))
    ['agents: 3 values, 1 to 3']
    """
    for position, trace in enumerate((trace.to_plotly_json() for trace in fig.data), start=1):
        values = trace.get("x" if trace.get("orientation") == "h" else "y")
        values = [] if values is None else values
        numeric = [v for v in values if isinstance(v, Real) and v == v]
        spread = f", {_number(min(numeric))} to {_number(max(numeric))}" if len(numeric) > 1 else ""
        count = f"{len(values)} value{'' if len(values) == 1 else 's'}"
        yield f"{trace.get('name') or f'trace {position}'}: {count}{spread}"


def _number(value: object) -> str:
    """Round for a reader, and so that the last digit, which moves with the machine, is never shown."""
    if isinstance(value, bool | str) or not hasattr(value, "__round__"):
        return str(value)
    number = float(value)  # type: ignore[arg-type]
    whole = number.is_integer() or abs(number) >= 1000
    return f"{number:,.0f}" if whole else f"{number:.4g}"


def _plain(html: str | None) -> str:
    return re.sub(r"<[^>]+>", "", re.sub(r"<br\s*/?>", " ", html or ""))


def png(spec: dict[str, Any]) -> bytes | None:
    """Return the figure as a PNG, or None where pictures are off or no Chromium is found.

    Parameters
    ----------
    spec : the figure as `house_spec` gives it
    """
    if os.environ.get("PLANNING_PNG") == "0" or not start_chromium():
        return None
    import kaleido

    height = spec["layout"].get("height", _HEIGHT)
    options = {"format": "png", "width": _PNG_WIDTH, "height": height, "scale": 1.5}
    picture: bytes = kaleido.calc_fig_sync({"data": spec["data"], "layout": spec["layout"]}, opts=options)
    return picture


@functools.cache
def start_chromium() -> bool:
    """Open the browser once for all pictures: each takes 0.3 s instead of 3. False if none runs."""
    path = find_chromium()
    if path is None:
        return False
    import kaleido

    # No MathJax, which kaleido would fetch from a CDN; and a proxy that refuses everything else.
    kaleido.start_sync_server(silence_warnings=True, path=path, mathjax=False, proxy_server=_NO_PROXY)
    return True


def find_chromium() -> str | None:
    """Return the path of a Chromium that runs, the one that ``BROWSER_PATH`` names first; None without."""
    try:
        from choreographer.browsers.chromium import Chromium
    except ImportError:
        return None
    path: str | None = os.environ.get("BROWSER_PATH") or Chromium.find_browser(skip_local=False)
    return path if path is not None and _runs(path) else None


def _runs(path: str) -> bool:
    """Tell whether the browser starts at all: kaleido waits for ever on one that does not."""
    try:
        asked = subprocess.run([path, "--version"], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0
