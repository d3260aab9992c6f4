"""Claims about the two engines: alike in what they answer, and the worker can be cancelled, killed and left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from lib.networks import tiny_checkpoint

from PointSegLib import CineClip, SegmentOptions
from PointSegLib.errors import PointError, PointSegError, WorkerError
from PointSegLib.inference import LocalEngine, WorkerEngine
from PointSegLib.inference.messages import Cancelled, Died, Done, Failed, FrameDone, Progressed
from PointSegLib.model import save_checkpoint

FRAMES, SIZE = 15, (70, 90)
CLICKS, HINTS = [[9, 30, 30]], ["wall"]
ENDS = (Done, Failed, Cancelled, Died)
REPOSITORY = Path(__file__).resolve().parents[3]
needs_posix = pytest.mark.skipif(os.name != "posix", reason="sends signals")


@pytest.fixture(scope="module")
def clip():
    return CineClip(np.random.default_rng(0).integers(20, 255, (FRAMES, *SIZE), dtype=np.uint8))


@pytest.fixture(scope="module")
def long_clip():
    return CineClip(np.random.default_rng(0).integers(20, 255, (3000, *SIZE), dtype=np.uint8))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("network") / "tiny.safetensors"
    save_checkpoint(path, tiny_checkpoint().model, {})
    return path


@pytest.fixture(scope="module")
def temporary(tmp_path_factory):
    """Where workers put their files, for the tests of this module alone."""
    folder = tmp_path_factory.mktemp("temporary")
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    yield folder
    tempfile.tempdir = before


@pytest.fixture(scope="module")
def shared_worker(checkpoint, temporary):
    """A worker of many tests, since importing torch takes its time."""
    engine = WorkerEngine(checkpoint, "cpu")
    yield engine
    engine.shutdown()
    assert list(temporary.iterdir()) == []


@pytest.fixture(params=["worker", "thread", "at once"])
def engine(request, checkpoint):
    if request.param == "worker":
        return request.getfixturevalue("shared_worker")
    return LocalEngine(checkpoint, "cpu", threaded=request.param == "thread")


def _events(engine, job, seconds=60):
    """All events until the job has ended; polling never takes long."""
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        started = time.monotonic()
        found += engine.poll()
        assert time.monotonic() - started < 0.5
        if any(isinstance(event, ENDS) and event.job == job for event in found):
            return found
        time.sleep(0.01)
    pytest.fail(f"job {job} did not end; its events so far: {found}")


def _last(engine, job):
    return next(event for event in _events(engine, job) if isinstance(event, ENDS) and event.job == job)


def _started(engine, clip):
    """The engine at work on a clip, some frames done."""
    engine.open(clip)
    job = engine.segment()
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if any(isinstance(event, FrameDone) for event in engine.poll()):
            return job
        time.sleep(0.01)
    pytest.fail("no frame came")


def _is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return not (status.exists() and "zombie" in status.read_text())


def test_every_engine_answers_as_a_session_does(engine, clip, checkpoint):
    session = _predictor(checkpoint).open(clip)
    expected = session.segment()
    engine.open(clip)
    events = _events(engine, job := engine.segment())
    frames = {event.frame: event.labels for event in events if isinstance(event, FrameDone)}
    assert sorted(frames) == list(range(FRAMES))
    np.testing.assert_array_equal(np.stack([frames[t] for t in range(FRAMES)]), expected.labels)
    result = events[-1].result
    np.testing.assert_array_equal(result.labels, expected.labels)
    np.testing.assert_array_equal(result.tracks.xy, expected.tracks.xy)
    done = [event.done for event in events if isinstance(event, Progressed) and event.job == job]
    assert done == sorted(done)
    assert done[-1] == FRAMES
    clicked = _last(engine, engine.correct(np.array(CLICKS), HINTS)).result
    np.testing.assert_array_equal(clicked.labels, session.correct(CLICKS, HINTS).labels)
    drawn = np.full(SIZE, 2, np.uint8)
    carried = _last(engine, engine.propagate(3, drawn, 4)).result
    np.testing.assert_array_equal(carried.labels, session.propagate(3, drawn, 4).labels)
    tracks = _last(engine, engine.track(np.array(CLICKS))).result
    np.testing.assert_array_equal(tracks.xy, session.track(np.array(CLICKS)).xy)


def _predictor(checkpoint):
    from PointSegLib import PointSegPredictor

    return PointSegPredictor.from_pretrained(checkpoint, "cpu")


def test_what_cannot_be_done_fails_with_its_reason_and_the_clip_stays_open(engine, clip):
    engine.open(clip)
    failed = _last(engine, engine.correct(np.array([[99, 3, 3]])))
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, PointError)
    assert "frame 99" in str(failed.error)
    assert isinstance(_last(engine, engine.correct(np.array(CLICKS))), Done)


def test_a_closed_clip_is_gone(engine, clip):
    engine.open(clip)
    engine.close()
    failed = _last(engine, engine.segment())
    assert isinstance(failed, Failed)
    assert type(failed.error) is PointSegError
    assert "open one first" in str(failed.error)


@pytest.mark.parametrize("engine", ["worker", "thread"], indirect=True)
def test_cancelling_ends_the_run_and_the_next_can_begin(engine, clip, long_clip):
    job = _started(engine, long_clip)
    engine.cancel()
    assert isinstance(_last(engine, job), Cancelled)
    engine.open(clip)
    assert isinstance(_last(engine, engine.segment()), Done)


@needs_posix
def test_a_worker_that_does_not_hear_is_killed_in_time(shared_worker, clip, long_clip):
    job = _started(shared_worker, long_clip)
    pid = shared_worker.pid
    os.kill(pid, signal.SIGSTOP)
    started = time.monotonic()
    shared_worker.cancel()
    assert isinstance(_last(shared_worker, job), Cancelled)
    # a second where the machine has nothing else to do
    assert time.monotonic() - started < 3
    assert not _is_alive(pid)
    shared_worker.open(clip)
    assert isinstance(_last(shared_worker, shared_worker.segment()), Done)


@needs_posix
def test_a_killed_worker_is_told_of_and_the_next_one_knows_options_clicks_and_edits(shared_worker, clip, long_clip):
    drawn = np.full(SIZE, 2, np.uint8)
    shared_worker.open(clip, SegmentOptions(5, 1.0))
    shared_worker.correct(np.array(CLICKS), HINTS)
    expected = _last(shared_worker, shared_worker.propagate(3, drawn, 4)).result
    os.kill(shared_worker.pid, signal.SIGKILL)
    died = _last(shared_worker, shared_worker.correct(np.array(CLICKS), HINTS))
    # it may have been gone before it was asked; then the next one has answered already
    if isinstance(died, Died):
        assert isinstance(died.error, WorkerError)
        assert "signal 9" in str(died.error)
        died = _last(shared_worker, shared_worker.correct(np.array(CLICKS), HINTS))
    np.testing.assert_array_equal(died.result.labels, expected.labels)


@needs_posix
def test_a_worker_killed_at_work_is_told_of(shared_worker, long_clip):
    job = _started(shared_worker, long_clip)
    os.kill(shared_worker.pid, signal.SIGKILL)
    died = _last(shared_worker, job)
    assert isinstance(died, Died)
    assert "signal 9" in str(died.error)


def test_an_interpreter_that_is_not_there_is_told_of(temporary, clip):
    engine = WorkerEngine(python=temporary / "no_python")
    died = _last(engine, engine.open(clip))
    assert isinstance(died, Died)
    assert "could not be started" in str(died.error)


def test_a_worker_that_cannot_start_says_why(temporary, clip, tmp_path):
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho no such module >&2\nexit 3\n")
    script.chmod(0o755)
    engine = WorkerEngine(python=script)
    died = _last(engine, engine.open(clip))
    assert isinstance(died, Died)
    assert "exit code 3" in str(died.error)
    assert "no such module" in str(died.error)


@needs_posix
def test_worker_and_files_go_when_the_application_is_killed(checkpoint, tmp_path):
    code = f"""
import sys, time
import numpy as np
from PointSegLib import CineClip
from PointSegLib.inference.worker_client import WorkerEngine
engine = WorkerEngine({str(checkpoint)!r}, "cpu")
engine.open(CineClip(np.random.default_rng(0).integers(20, 255, (3000, 70, 90), dtype=np.uint8)))
engine.segment()
while engine.pid is None or not engine.poll():
    time.sleep(0.01)
print(engine.pid, "torch" in sys.modules, flush=True)
time.sleep(600)
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY, env=environment
    )
    pid, knows_torch = parent.stdout.readline().split()
    assert knows_torch == "False"
    assert any(tmp_path.iterdir())
    parent.kill()
    parent.communicate()
    end = time.monotonic() + 10
    while _is_alive(int(pid)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _is_alive(int(pid))
    assert list(tmp_path.iterdir()) == []


def test_shutdown_leaves_no_process_and_no_file(checkpoint, temporary, clip):
    before = set(temporary.iterdir())
    engine = WorkerEngine(checkpoint, "cpu")
    engine.open(clip)
    _events(engine, engine.segment())
    pid = engine.pid
    engine.shutdown()
    assert not _is_alive(pid)
    assert set(temporary.iterdir()) == before
