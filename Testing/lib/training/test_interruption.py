"""Claims about what ends a run from outside."""

from __future__ import annotations

import signal

import pytest

from PointSegLib.errors import PointSegError
from PointSegLib.training.interruption import named_worker_deaths, stop_requests


@pytest.fixture
def interruptible():
    """SIGINT as a program in the foreground meets it; shells have those in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _raise_in_run(error):
    with named_worker_deaths("go on."):
        raise error


@pytest.mark.parametrize(
    "text", ["DataLoader worker (pid 12) is killed by signal: Killed.", "DataLoader worker (pid(s) 12) exited"]
)
def test_a_killed_worker_is_named(text):
    with pytest.raises(PointSegError, match=r"the process 12 that draws batches was killed.*go on\."):
        _raise_in_run(RuntimeError(text))


@pytest.mark.parametrize("error", [ConnectionResetError(), EOFError()])
def test_a_worker_killed_while_it_hands_a_batch_over_is_told_as_well(error):
    with pytest.raises(PointSegError, match="the process that draws batches was killed"):
        _raise_in_run(error)


def test_other_errors_pass_unchanged():
    with pytest.raises(RuntimeError, match="shapes differ"):
        _raise_in_run(RuntimeError("shapes differ"))


def test_the_first_signal_asks_and_the_second_ends_at_once(interruptible):
    with stop_requests() as asked:
        signal.raise_signal(signal.SIGINT)
        assert asked.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
