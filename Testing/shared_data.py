"""Where the tests find the data that lies beside the repository and is never part of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
VARIABLE = "POINTSEG_SHARED_DATA"


def shared_data_folder() -> Path:
    """The folder named by POINTSEG_SHARED_DATA, else `../shared/data` beside the repository; it may not exist."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else REPOSITORY.parent / "shared" / "data"


def shared_data(*parts: str) -> Path:
    """The path of one item of the shared data; skips the calling test where it is absent."""
    path = shared_data_folder().joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs {'/'.join(parts) or 'the shared data'}; set {VARIABLE} to the folder that holds it")
    return path
