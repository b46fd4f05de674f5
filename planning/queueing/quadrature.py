"""Gauss-Legendre quadrature over panels, for integrands that are smooth between known points."""

from __future__ import annotations

import numpy as np

from planning.checks import Floats

_points, _weights = np.polynomial.legendre.leggauss(12)
UNIT_RULE = (1.0 + _points) / 2.0, _weights / 2.0
"""Nodes and weights of the 12-point rule on [0, 1]."""


def panels(*breaks: Floats, low: float, high: float) -> tuple[Floats, Floats]:
    """Return nodes and weights of the 12-point rule on every panel between the breaks within [low, high].

    Examples
    --------
    >>> nodes, weights = panels(np.array([0.5, 7.0]), low=0.0, high=1.0)
    >>> nodes.size, round(float(weights @ np.abs(nodes - 0.5)), 12)
    (24, 0.25)
    """
    edges = np.unique(np.clip(np.concatenate([*breaks, [low, high]]), low, high))
    nodes, weights = UNIT_RULE
    width = np.diff(edges)[:, None]
    return (edges[:-1, None] + width * nodes).ravel(), (width * weights).ravel()
