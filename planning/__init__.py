"""Workforce planning for contact centres: how many, when, where, who, at what cost, and whether it holds.

The names below are all that a notebook needs. Each is imported when it is first used (SPEC 1), so ``import
planning`` is quick. ``__init__.pyi`` says where each comes from.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = "0.1.0"
