"""`Channel`: messages between two processes of one user, large arrays by way of files in a folder of their own."""

from __future__ import annotations

import io
import pickle
import threading
import uuid
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

# larger arrays go by file: what goes through the connection must fit into its buffer, so that no side waits
LARGEST_INLINE = 8192


class Channel:
    """A connection on which both sides trust each other, having shown that they know the same key.

    Args:
        connection: to the other process.
        folder: readable by this user alone; files in it are removed by whoever reads them.
    """

    def __init__(self, connection: Connection, folder: Path) -> None:
        self.connection, self.folder = connection, folder
        self._sending = threading.Lock()

    def send(self, message: Any) -> None:
        """Send; OSError when the other side is gone. Any thread may."""
        text = io.BytesIO()
        _Pickler(text, self.folder).dump(message)
        with self._sending:
            self.connection.send_bytes(text.getvalue())

    def receive(self) -> Any:
        """Wait for the next message; EOFError or OSError when the other side is gone. For one thread."""
        return _Unpickler(io.BytesIO(self.connection.recv_bytes()), self.folder).load()


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, folder: Path) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._folder = folder

    def persistent_id(self, obj: Any) -> str | None:
        if not isinstance(obj, np.ndarray) or obj.nbytes <= LARGEST_INLINE or obj.dtype.hasobject:
            return None
        name = f"{uuid.uuid4().hex}.npy"
        np.save(self._folder / name, obj, allow_pickle=False)
        return name


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, folder: Path) -> None:
        super().__init__(file)
        self._folder = folder

    def persistent_load(self, pid: str) -> np.ndarray:
        path = self._folder / pid
        array: np.ndarray = np.load(path, allow_pickle=False)
        path.unlink()
        return array
