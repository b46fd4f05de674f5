"""Shifts: the catalogue of possible shifts, and the cheapest ones that cover a requirement.

Each name is imported when it is first used, as those of `planning`: the catalogue needs no solver.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
