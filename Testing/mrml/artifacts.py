"""Where tests leave pictures for people to look at."""

from __future__ import annotations

import os
from pathlib import Path


def artifactsFolder() -> Path:
    """The folder named by POINTSEG_TEST_ARTIFACTS, else `test_artifacts` in the repository; made when missing."""
    named = os.environ.get("POINTSEG_TEST_ARTIFACTS")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "test_artifacts"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
