"""The what-if page: sliders, a day of the centre, and whether it holds, in JupyterLab and in a browser."""

from planning.app.panel import Page as Page
from planning.app.panel import page as page
from planning.app.server import serve as serve
