"""How `pytest --nbval` compares a notebook's figures with the stored ones.

nbval compares plotly's JSON byte for byte, so that the last bit of one number fails on another machine.
Here numbers agree within six significant digits, all else must be equal, and text is compared strictly.
pytest loads this file when it is given a folder of tests beside the notebooks:
``pytest -p nbval --nbval --nbval-current-env notebooks tests/notebooks``.
"""

import base64
import math
import os

import numpy as np

PLOTLY = "application/vnd.plotly.v1+json"
RELATIVE = 5e-7  # half a unit in the sixth significant digit
ABSOLUTE = 1e-12  # noise about zero


def pytest_configure(config):
    """Draw no pictures and no progress bars in the notebooks' kernels, which inherit these."""
    if getattr(config.option, "nbval", False):
        os.environ |= {"PLANNING_PNG": "0", "PLANNING_WIDGETS": "0", "TQDM_DISABLE": "1"}


def pytest_collection_modifyitems(items):
    """Put the comparison of figures before nbval's own, and leave out standard error."""
    for item in items:
        if type(item).__name__ == "IPyNbCell":
            item.compare_outputs = comparing(item.compare_outputs)
            if "stderr" not in item.parent.skip_compare:
                item.parent.skip_compare = (*item.parent.skip_compare, "stderr")


def comparing(compare):
    def compare_outputs(test, ref, skip_compare=None):
        return compare(*agree(test, ref), skip_compare)

    return compare_outputs


def agree(test, ref):
    """Return both lists of outputs with decoded figures, the new numbers as stored where they agree."""
    test, ref = ([decoded(output) for output in outputs] for outputs in (test, ref))
    figures = [[o["data"] for o in outputs if PLOTLY in o.get("data", {})] for outputs in (test, ref)]
    for new, stored in zip(*figures, strict=False):  # a different number of figures is nbval's to report
        new[PLOTLY] = snap(new[PLOTLY], stored[PLOTLY])
    return test, ref


def decoded(output):
    if PLOTLY not in output.get("data", {}):
        return output
    # The template is the house's style, tested elsewhere; uids are random.
    return type(output)({**output, "data": {**output["data"], PLOTLY: decode(output["data"][PLOTLY])}})


def decode(value):
    """Return figure JSON with typed arrays as lists, no uid, no template, and NaN as None (equals itself)."""
    if isinstance(value, dict) and "bdata" in value:
        flat = np.frombuffer(base64.b64decode(value["bdata"]), dtype=value["dtype"])
        shape = [int(n) for n in str(value.get("shape", flat.size)).split(",")]
        return decode(flat.reshape(shape).tolist())
    if isinstance(value, dict):
        return {key: decode(item) for key, item in value.items() if key not in ("uid", "template")}
    if isinstance(value, list | tuple):
        return [decode(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def snap(new, stored):
    """Return `new`, with each number that agrees with the stored one replaced by it.

    Rounding both would part two neighbours on either side of a rounding edge.
    """
    if isinstance(new, dict) and isinstance(stored, dict):
        return {key: snap(item, stored.get(key)) for key, item in new.items()}
    if isinstance(new, list) and isinstance(stored, list) and len(new) == len(stored):
        return [snap(a, b) for a, b in zip(new, stored, strict=True)]
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (new, stored))
    return stored if numbers and math.isclose(new, stored, rel_tol=RELATIVE, abs_tol=ABSOLUTE) else new
