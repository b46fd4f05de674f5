"""The what-if page: sliders, a day of the centre, and whether it holds, in JupyterLab and in a browser."""

from planning.app.panel import Page, page
from planning.app.server import serve

__all__ = ["Page", "page", "serve"]
