"""What ends a run from outside: a signal that asks it to stop, and a data worker that was killed."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from PointSegLib.errors import PointSegError

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_requests() -> Iterator[threading.Event]:
    """Catch the first SIGINT or SIGTERM; a second one ends the process as if there were no training.

    Yields:
        Set once a stop is asked for.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked  # Python lets only the main thread handle signals
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(_number: int, _frame: FrameType | None) -> None:
        asked.set()
        restore()

    for number in SIGNALS:
        signal.signal(number, note)
    try:
        yield asked
    finally:
        restore()


@contextmanager
def named_worker_deaths(remedy: str) -> Iterator[None]:
    """Say in plain words which process that draws batches was killed.

    Args:
        remedy: what to do about it.

    Raises:
        PointSegError: in place of the data loader's error, which can come up anywhere in the block.
    """
    try:
        yield
    except (RuntimeError, ConnectionError, EOFError) as error:
        found = re.match(r"DataLoader worker \(pid\D*([\d, ]+)\)", str(error))
        if found is None and isinstance(error, RuntimeError):
            raise
        # a worker killed while it handed a batch over leaves a broken pipe, and no number
        number = f" {found[1]}" if found else ""
        msg = f"the process{number} that draws batches was killed, most often because memory ran out; {remedy}"
        raise PointSegError(msg) from error
