"""`WorkerProcess`: one worker from its start to its end, looked after by a thread so that nobody else has to wait."""

from __future__ import annotations

import json
import os
import queue
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from pathlib import Path

import PointSegLib
from PointSegLib.errors import WorkerError
from PointSegLib.inference.channel import Channel
from PointSegLib.inference.messages import Cancelled, Died, Done, Event, Failed, GiveUp, Hello, Job, Memory
from PointSegLib.inference.worker import ADDRESS_FILE

# a worker hears of a cancel between two windows of frames; this long it may take
PATIENCE_S = 0.7
TICK_S = 0.05
LOG_FILE = "worker.log"
LOG_TAIL = 2000


@dataclass(frozen=True)
class WorkerSettings:
    """How a worker is started: the interpreter, the checkpoint (None: the embedded one) and the device."""

    python: str
    checkpoint: str | None
    device: str


class WorkerProcess:
    """Starts a worker, passes requests on and events back, and clears up after it.

    Args:
        settings: how to start it.
        events: takes what the worker tells, and `Cancelled` or `Died` for what it left undone.
        memory: what earlier workers were told.

    Attributes:
        pid: of the worker itself, launchers aside; None before it has said so.
        ended: whether it is gone; set after its last event.
        unserved: once it is gone, the jobs that were asked for after the cancel that ended it.
    """

    def __init__(self, settings: WorkerSettings, events: queue.SimpleQueue[Event], memory: Memory) -> None:
        self.settings, self.memory = settings, memory
        self.ended = False
        self.unserved: list[Job] = []
        self._events = events
        self._outgoing: queue.SimpleQueue[Job | GiveUp | None] = queue.SimpleQueue()
        self._undone: dict[int, Job] = {}
        self._silent: set[int] = set()
        self._given_up, self._deadline = 0, float("inf")
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self.pid: int | None = None
        self._keeper = threading.Thread(target=self._keep, name="PointSeg worker", daemon=True)
        self._keeper.start()

    def ask(self, job: Job, silent: bool = False) -> bool:
        """Pass a job on; False when the worker is gone. Of a silent job only a failure is told."""
        with self._lock:
            if self.ended:
                return False
            self._undone[job.number] = job
            if silent:
                self._silent.add(job.number)
            self._outgoing.put(job)
            return True

    def give_up(self) -> None:
        """Cancel all jobs asked for by now; the worker is killed if it does not let go of them in time."""
        with self._lock:
            if self._undone:
                self._given_up = max(self._undone)
                self._deadline = time.monotonic() + PATIENCE_S
                self._outgoing.put(GiveUp(self._given_up))

    def stop(self) -> None:
        """End the worker at once."""
        with self._lock:
            self._given_up, self._deadline = max(self._undone, default=0), 0.0
        self._keeper.join()

    def _keep(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="pointseg-"))
        why = ""
        try:
            with socket.create_server(("127.0.0.1", 0)) as server:
                key = secrets.token_bytes(32)
                self._start(folder, server.getsockname(), key)
                connection = self._accepted(server, key)
            if connection is not None:
                with connection:
                    self._converse(Channel(connection, folder))
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
        finally:
            self._clear_up(folder, why)

    def _start(self, folder: Path, address: tuple[str, int], key: bytes) -> None:
        settings = self.settings
        told = {"address": address, "key": key.hex(), "checkpoint": settings.checkpoint, "device": settings.device}
        (folder / ADDRESS_FILE).write_text(json.dumps(told), encoding="utf-8")
        command = [self.settings.python, "-m", "PointSegLib.inference.worker", str(folder)]
        # the folder that holds the library, whichever way this process came to it
        root = Path(PointSegLib.__file__).parents[1]
        with (folder / LOG_FILE).open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=root, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def _accepted(self, server: socket.socket, key: bytes) -> Connection | None:
        """The worker's connection, once it has shown that it knows the key; None when it is not to come."""
        server.settimeout(TICK_S)
        while self._process is not None and self._process.poll() is None and not self._is_overdue():
            with suppress(TimeoutError):
                accepted, _ = server.accept()
                connection = Connection(accepted.detach())
                deliver_challenge(connection, key)
                answer_challenge(connection, key)
                return connection
        return None

    def _converse(self, channel: Channel) -> None:
        sender = threading.Thread(target=self._send, args=(channel,), name="PointSeg requests", daemon=True)
        sender.start()
        with suppress(EOFError, OSError):
            while not self._is_overdue():
                if channel.connection.poll(TICK_S):
                    self._hear(channel.receive())
        self._outgoing.put(None)

    def _send(self, channel: Channel) -> None:
        with suppress(OSError):
            while (message := self._outgoing.get()) is not None:
                channel.send(message)

    def _hear(self, message: Hello | Event) -> None:
        if isinstance(message, Hello):
            self.pid = message.pid
            return
        with self._lock:
            if isinstance(message, (Done, Failed, Cancelled)):
                job = self._undone.pop(message.job, None)
                if isinstance(message, Done) and job is not None:
                    self.memory.note(job.request)
        if message.job not in self._silent or isinstance(message, Failed):
            self._events.put(message)

    def _is_overdue(self) -> bool:
        """Whether the worker still holds on to a cancelled job after its time."""
        with self._lock:
            if self._deadline == 0.0:
                return True
            if all(number > self._given_up for number in self._undone):
                self._deadline = float("inf")
            return time.monotonic() > self._deadline

    def _clear_up(self, folder: Path, why: str) -> None:
        overdue = self._is_overdue()
        code = self._kill()
        log = ""
        with suppress(OSError):
            log = (folder / LOG_FILE).read_text(encoding="utf-8", errors="replace")[-LOG_TAIL:]
        shutil.rmtree(folder, ignore_errors=True)
        msg = _what_happened(code, why or log)
        with self._lock:
            for number, job in self._undone.items():
                if number <= self._given_up:
                    self._tell_end(Cancelled(number))
                elif overdue:
                    self.unserved.append(job)
                else:
                    self._tell_end(Died(number, WorkerError(msg)))
            self.ended = True

    def _tell_end(self, event: Cancelled | Died) -> None:
        if event.job not in self._silent:
            self._events.put(event)

    def _kill(self) -> int | None:
        """End the process, and what its launcher started; gives its exit code."""
        if self._process is None:
            return None
        with suppress(subprocess.TimeoutExpired):
            # one that died by itself says how
            self._process.wait(0 if self._is_overdue() else 2 * TICK_S)
        running = self._process.poll() is None
        if self.pid is not None and running:
            with suppress(OSError):
                os.kill(self.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        if running:
            self._process.kill()
        return self._process.wait()


def _what_happened(code: int | None, details: str) -> str:
    if code is None:
        how = "The process that segments could not be started; check that its Python interpreter is there."
    elif code < 0 or 128 < code < 160:
        killed_by = -code if code < 0 else code - 128
        how = (
            f"The process that segments was killed (signal {killed_by}); often memory has run out: close other "
            "programs or choose fewer frames, and ask again."
        )
    else:
        how = f"The process that segments ended unexpectedly (exit code {code}); ask again, or work without it."
    return f"{how}\n{details}".rstrip()
