"""Workforce planning for contact centres: how many, when, where, who, at what cost, and whether it holds.

The names below are all that a notebook needs; each is imported when it is first used (SPEC 1), so that
``import planning`` is quick. Where each comes from is written in ``__init__.pyi``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
