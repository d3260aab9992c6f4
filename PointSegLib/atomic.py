"""Write a file or a folder completely or not at all: a temporary name beside the target, then one rename."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PointSegLib.errors import WriteError


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`; it takes the real name when the block ends without an exception.

    Args:
        path: the file to write; an older file of that name is replaced only on success.

    Yields:
        A path in the same folder with the same suffixes, so that writers that look at the suffix still work.

    Raises:
        WriteError: when the folder is missing or cannot be written, or the writer meets an operating system
            error. The temporary file is removed on every exception.
    """
    target = Path(path)
    temporary = target.with_name(f".{uuid.uuid4().hex[:12]}.partial.{target.name}")
    _claim(temporary, target)
    try:
        yield temporary
        os.replace(temporary, target)
    except WriteError:
        raise
    except OSError as error:
        raise WriteError(_reason(target, error)) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give an empty temporary folder beside `path`; it takes the real name when the block ends without an exception.

    Args:
        path: the folder to write, its parents made where needed; an older one is replaced only on success.

    Yields:
        The temporary folder.

    Raises:
        WriteError: when the disk refuses. The temporary folder is removed on every exception.
    """
    target = Path(path)
    temporary = target.with_name(f".{uuid.uuid4().hex[:12]}.partial.{target.name}")
    older = temporary.with_suffix(".older")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if target.exists():
            os.replace(target, older)
        try:
            os.replace(temporary, target)
        except OSError:
            if older.exists():
                os.replace(older, target)
            raise
    except WriteError:
        raise
    except OSError as error:
        raise WriteError(_reason(target, error)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(older, ignore_errors=True)


def _claim(temporary: Path, target: Path) -> None:
    if target.is_dir():
        msg = f"{target} is a folder; give the name of a file."
        raise WriteError(msg)
    try:
        temporary.touch(exist_ok=False)
    except FileNotFoundError as error:
        msg = f"{target} cannot be written: the folder {target.parent} does not exist; create it first."
        raise WriteError(msg) from error
    except OSError as error:
        raise WriteError(_reason(target, error)) from error


def _reason(target: Path, error: OSError) -> str:
    why = error.strerror or str(error)
    return (
        f"{target} cannot be written ({why}); choose a folder you may write to that has room, such as your home folder."
    )
