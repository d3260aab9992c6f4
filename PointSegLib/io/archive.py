"""Read the arrays of an .npz file that may be another file, cut off or rotten."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterable

import numpy as np

from PointSegLib.errors import ReadError

# what NumPy raises for a file that is absent, empty, no archive, cut off, rotten, pickled, or a single array
_DAMAGE = (OSError, EOFError, KeyError, ValueError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error)


def read_arrays(path: str | os.PathLike[str], names: Iterable[str], kind: str) -> dict[str, np.ndarray]:
    """Read arrays of an .npz file; what is pickled is refused.

    Args:
        path: the file.
        names: of the arrays.
        kind: of file that is wanted, in words, for the message.

    Raises:
        ReadError: when the file is missing or damaged, or lacks one of the arrays.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in names}
    except _DAMAGE as error:
        msg = f"{path} is no {kind}, or a damaged one ({error}); restore it or give another."
        raise ReadError(msg) from error
