"""Lets the application's events happen until something is so."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def pump(application: Any, until: Callable[[], bool], seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, "nothing happened in time"
        application.processEvents()
        time.sleep(0.005)
