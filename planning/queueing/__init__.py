"""Queueing: Erlang B, C and A, the least agents that meet a target, and the day as it unfolds.

Each name is imported when it is first used, as those of `planning`: the exact day, finite queues, redials and
other laws of patience bring in pandas and scipy.optimize, which the formulas do not need.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
