"""The what-if page: sliders, the day of both sites, and whether it holds; in JupyterLab and in a browser."""

from planning.app.panel import Page, page
from planning.app.server import serve

__all__ = ["Page", "page", "serve"]
