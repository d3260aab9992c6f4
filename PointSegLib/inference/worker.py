"""The worker process: `python -m PointSegLib.inference.worker FOLDER`, started by `WorkerEngine`.

It connects to whoever started it, loads the network once, and serves requests until it is told to stop or the other
side is gone. Being killed harms nobody: all it holds can be told to another.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import sys
import threading
from functools import partial
from multiprocessing.connection import Client
from pathlib import Path

from PointSegLib.inference.channel import Channel
from PointSegLib.inference.engine import network_desk
from PointSegLib.inference.messages import Event, GiveUp, Hello, Job
from PointSegLib.inference.serving import Server

ADDRESS_FILE = "connection.json"


class Worker:
    """Serves one channel.

    Args:
        channel: to the process that started this one.
        checkpoint: of the network; None takes the embedded one.
        device: "auto", "cpu", "cuda" or "mps".
    """

    def __init__(self, channel: Channel, checkpoint: str | None, device: str) -> None:
        self.channel, self.checkpoint, self.device = channel, checkpoint, device
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._given_up = 0

    def run(self) -> None:
        """Serve until the process ends, which the listening thread sees to."""
        self.channel.send(Hello(os.getpid()))
        threading.Thread(target=self._listen, name="listening", daemon=True).start()
        server = Server(partial(network_desk, self.checkpoint, self.device))
        while True:
            job = self._jobs.get()
            server.serve(job.number, job.request, self._tell, partial(self._is_given_up, job.number))

    def _is_given_up(self, number: int) -> bool:
        return number <= self._given_up

    def _tell(self, event: Event) -> None:
        try:
            self.channel.send(event)
        except OSError:
            self._end()

    def _listen(self) -> None:
        while True:
            try:
                message = self.channel.receive()
            except (EOFError, OSError):
                self._end()
            if isinstance(message, GiveUp):
                self._given_up = max(self._given_up, message.number)
            else:
                self._jobs.put(message)

    def _end(self) -> None:
        """The other side is gone, and nobody wants what is being computed."""
        shutil.rmtree(self.channel.folder, ignore_errors=True)
        os._exit(0)


def main() -> None:
    """Connect to the address that the folder names, and serve."""
    # Ctrl-C in a terminal reaches the whole group; the application decides what becomes of its worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    folder = Path(sys.argv[1])
    told = json.loads((folder / ADDRESS_FILE).read_text(encoding="utf-8"))
    connection = Client(tuple(told["address"]), authkey=bytes.fromhex(told["key"]))
    Worker(Channel(connection, folder), told["checkpoint"], told["device"]).run()


if __name__ == "__main__":
    main()
