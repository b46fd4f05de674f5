"""A live figure that a page can hold, and that survives a reload."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import plotly.graph_objects as go

from planning.report.style import CONFIG


class LiveFigure(go.FigureWidget):  # type: ignore[misc]  # plotly is untyped
    """A figure widget whose state is always what it shows.

    Plotly's own widget updates the state from which a new view is drawn only if the figure is displayed by
    itself. Within a box, a page that is reloaded would show the first picture beside the present numbers.
    """

    def __init__(self, figure: go.Figure) -> None:
        super().__init__(figure)
        self._config: dict[str, Any] = {**CONFIG}

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """Return the state; the whole state has the figure as it is now."""
        if key is None and "_waiting_edit_callbacks" in vars(self):  # once it is constructed
            # Set without the traits' notifications: the messages have told it already.
            self._trait_values["_widget_data"] = deepcopy(self._data)
            self._trait_values["_widget_layout"] = deepcopy(self._layout_obj._props)
        state: dict[str, Any] = super().get_state(key, drop_defaults)
        return state


def redraw(live: go.FigureWidget, figure: go.Figure) -> None:
    """Show another figure of the same kind in place: each trace's values, the lines, their texts, the title.

    A trace that the other figure does not have falls to 0.
    """
    values = {trace.name: trace.y for trace in figure.data}
    with live.batch_update():
        for trace in live.data:
            times = figure.data[0].x
            trace.update(x=times, y=values.get(trace.name, np.zeros(len(times))))
        live.layout.update(title=figure.layout.title, shapes=figure.layout.shapes)
        # With none before and none after, plotly's widget would drop the whole update in the browser.
        if live.layout.annotations or figure.layout.annotations:
            live.layout.annotations = figure.layout.annotations
