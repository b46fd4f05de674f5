"""The engines that read records: the embedded one, and whatever any of them says in one line."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pandas as pd

from planning.errors import PlanningError

if TYPE_CHECKING:
    import ibis.expr.types as ir

MEMORY = "1400MB"
"""What the embedded engine may hold before it uses the disk."""
NO_ENGINE = "{} is a kind of database that cannot count call records: export the table as CSV or Parquet"


def embedded(*where: str, **settings: Any) -> Any:
    """Open the embedded engine: little memory, the rest on disk, and every clock in UTC."""
    import duckdb
    import ibis

    engine = ibis.duckdb.connect(
        *where,
        memory_limit=MEMORY,
        # A folder of its own: what lies in it may be read even where outside access is off.
        temp_directory=str(Path(tempfile.gettempdir(), f"planning-{uuid4()}")),
        preserve_insertion_order=False,
        **settings,
    )
    engine.raw_sql("SET enable_progress_bar = false")
    # Without its extension for time zones the engine knows UTC only, and refuses to be told so.
    with contextlib.suppress(duckdb.Error):
        engine.raw_sql("SET TimeZone = 'UTC'")
    return engine


def safe(source: str) -> str:
    """Leave user and password out of a database's URL."""
    return re.sub(r"://.*@", "://", source).partition("?")[0]


def secrets_of(source: str) -> frozenset[str]:
    """Pieces of a URL's password and options that no message may show, however an engine takes it apart."""
    start, _, _ = source.partition("://")[2].rpartition("@")
    password = start.partition(":")[2]
    pieces = [*re.split(r"[^0-9A-Za-z]", password), *re.findall(r"=([^&]*)", source.partition("?")[2])]
    # An engine that takes a raw mark for the end of the password quotes any piece of it.
    raw = re.search("[/#?@%]", re.sub("%[0-9A-Fa-f]{2}", "", password))
    return frozenset({""} if raw else {piece for piece in (password, *pieces) if len(piece) > 2})


@contextlib.contextmanager
def told_in_one_line(source: str, secrets: frozenset[str] = frozenset()) -> Iterator[None]:
    """Turn whatever an engine says, each with errors of its own, into one line."""
    from ibis.common.exceptions import OperationNotDefinedError

    try:
        yield
    except PlanningError:
        raise
    except OperationNotDefinedError:
        raise PlanningError(NO_ENGINE.format(source)) from None
    except Exception as error:
        reason = safe(" ".join(str(error).split())[:300])
        if any(secret in reason for secret in secrets):
            reason = f"{type(error).__name__}; write / # ? @ and % of a password as %2F %23 %3F %40 and %25"
        raise PlanningError(
            f"{source} could not be read ({reason}): nothing was taken from it, check it and try again"
        ) from None


def run(expression: ir.Table, source: str) -> pd.DataFrame:
    """Let the engine compute a table; either all of it comes back or an error."""
    with told_in_one_line(source):
        return pd.DataFrame(expression.to_pyarrow().to_pandas())


def mark(key: Sequence[Any]) -> Any:
    """Eight bytes of a call's key, by the embedded engine's own hash: that of ibis goes through texts."""
    import ibis

    def hashed(queue, call_id, at):  # type: ignore[no-untyped-def]
        ...

    kinds = tuple(part.type() for part in key)
    return ibis.udf.scalar.builtin(hashed, name="hash", signature=(kinds, "uint64"))(*key)
