"""The page for team leaders, served by Voila on this machine with a kernel for every reader."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob: data:",
        "style-src 'self' 'unsafe-inline' data:",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' ws: blob: data:",
    ]
)
"""What the page may load: this server's own files. The browser enforces it."""


def serve(centre: Path, demand: Path, cache: Path, *, port: int = 8866, browser: bool = True) -> int:
    """Serve the page until it is interrupted; it listens on this machine's own address only.

    Returns
    -------
    int
        Voila's exit code.
    """
    variables = os.environ | environment(centre, demand, cache)
    return subprocess.run(command(port, browser=browser), env=variables, check=False).returncode


def command(port: int, *, browser: bool = False) -> list[str]:
    """Return the command that starts the server."""
    headers = {"Content-Security-Policy": POLICY}
    return [
        sys.executable, "-m", "voila", str(HERE / "what_if.ipynb"), f"--port={port}", "--Voila.ip=127.0.0.1",
        "--template=whatif", "--theme=light", "--show_tracebacks=False",
        f"--Voila.tornado_settings={{'headers': {headers!r}}}",
        *([] if browser else ["--no-browser"]),
    ]  # fmt: skip


def environment(centre: Path, demand: Path, cache: Path) -> dict[str, str]:
    """Name the files for the kernels, which run in another folder, and the folder of the page's template."""
    paths = {"CENTRE": centre, "DEMAND": demand, "CACHE": cache}
    named = {f"PLANNING_{name}": str(path.resolve()) for name, path in paths.items()}
    return named | {"JUPYTER_PATH": str(HERE / "jupyter"), "TQDM_DISABLE": "1"}
