"""Claims about whoever serves requests: whatever happens at a desk, the request ends with an event that says so."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from PointSegLib import CineClip
from PointSegLib.errors import DependencyError, PointSegError
from PointSegLib.inference.engine import DeskEngine, LocalEngine
from PointSegLib.inference.messages import Cancelled, Close, Done, Failed, Progressed, Segment

REPOSITORY = Path(__file__).resolve().parents[3]


class _Desk:
    """Does what it is told to, and counts how often it was set up."""

    made = 0

    def __init__(self, answer=lambda request, progress, on_frame: None):
        _Desk.made += 1
        self.answer = answer


def _ended(engine, job):
    end = time.monotonic() + 60
    events = []
    while time.monotonic() < end:
        events += engine.poll()
        if any(isinstance(event, (Done, Failed, Cancelled)) and event.job == job for event in events):
            return events
        time.sleep(0.005)
    pytest.fail(f"the request ended in silence; its events: {events}")


@pytest.fixture(params=[True, False], ids=["thread", "at once"])
def threaded(request):
    return request.param


def test_a_desk_that_cannot_be_set_up_fails_the_request(threaded):
    def missing():
        raise ModuleNotFoundError("No module named 'torch'")

    engine = DeskEngine(missing, threaded)
    for _ in range(2):  # the thread outlives the first
        failed = _ended(engine, engine.submit(Segment()))[-1]
        assert isinstance(failed.error, DependencyError)
        assert "No module named 'torch'. Install it" in str(failed.error)
    engine.shutdown()


def test_missing_torch_fails_the_request_of_a_local_engine(threaded):
    code = f"""
import sys
sys.modules["torch"] = None
import time
import numpy as np
from PointSegLib import CineClip, LocalEngine
engine = LocalEngine(threaded={threaded})
engine.open(CineClip(np.zeros((1, 40, 40), np.uint8)))
events = []
while not events:
    events = engine.poll()
    time.sleep(0.01)
print(type(events[0]).__name__, events[0].error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, timeout=120)
    assert done.stdout.startswith("Failed a package that PointSeg needs is missing or cannot be loaded"), done.stderr
    assert "torch" in done.stdout


def test_errors_meant_for_the_user_keep_their_words_and_others_show_where_they_arose(threaded):
    def careless(request, progress, on_frame):
        raise PointSegError("draw it again.") if isinstance(request, Close) else KeyError("surprise")

    engine = DeskEngine(lambda: _Desk(careless), threaded)
    assert str(_ended(engine, engine.close())[-1].error) == "draw it again."
    said = str(_ended(engine, engine.segment())[-1].error)
    assert "could not be worked on: 'surprise'" in said
    assert "in careless" in said
    engine.shutdown()


def test_cancelling_ends_a_run_at_its_next_step():
    def endless(request, progress, on_frame):
        while True:
            progress(1, 2)
            time.sleep(0.001)

    engine = DeskEngine(lambda: _Desk(endless))
    job = engine.segment()
    while not any(isinstance(event, Progressed) for event in engine.poll()):
        time.sleep(0.005)
    engine.cancel()
    assert isinstance(_ended(engine, job)[-1], Cancelled)
    engine.shutdown()


def test_one_desk_serves_until_shutdown_and_a_new_one_after_it(threaded):
    _Desk.made = 0
    engine = DeskEngine(_Desk, threaded)
    for _ in range(2):
        _ended(engine, engine.segment())
    assert _Desk.made == 1
    engine.shutdown()
    _ended(engine, engine.open(CineClip(np.zeros((1, 40, 40), np.uint8))))
    assert _Desk.made == 2
    engine.shutdown()


def test_an_engine_that_nobody_holds_any_more_ends_its_thread():
    engine = DeskEngine(_Desk)
    _ended(engine, engine.segment())
    thread = engine._thread
    del engine
    gc.collect()
    thread.join(60)
    assert not thread.is_alive()


def test_a_missing_file_is_told_by_name_without_waiting_for_a_clip(tmp_path):
    engine = LocalEngine(tmp_path / "none.safetensors", "cpu", threaded=False)
    engine.open(CineClip(np.zeros((1, 40, 40), np.uint8)))
    assert "none.safetensors" in str(engine.poll()[-1].error)
