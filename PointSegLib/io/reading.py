"""`read_clip`: look at a file's first bytes and hand it to the reader of its family."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

from PointSegLib.clip import CineClip
from PointSegLib.errors import ReadError
from PointSegLib.io.camus import is_patient_folder, read_patient_folder
from PointSegLib.io.dicom import read_dicom
from PointSegLib.io.video import read_video
from PointSegLib.io.volumes import read_picture, read_volume

HEAD = 512
FORMATS = "DICOM, NRRD (.seq.nrrd), NIfTI, MHD/MHA, mp4/avi/mov/mkv/gif, PNG/JPEG/BMP/TIFF"
DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
PICTURES = {
    b"\x89PNG\r\n": "PNGImageIO",
    b"\xff\xd8\xff": "JPEGImageIO",
    b"BM": "BMPImageIO",
    b"II*\0": "TIFFImageIO",
    b"MM\0*": "TIFFImageIO",
}
MATROSKA = b"\x1a\x45\xdf\xa3"
SHOWN = 12


def read_clip(path: str | os.PathLike[str], *, region: int | None = None) -> CineClip:
    """Read an ultrasound cine or still, by its content rather than its name.

    Args:
        path: a file (DICOM, NRRD, NIfTI, MHD, movie or picture), a CAMUS patient folder, or a folder with one
            readable file.
        region: for DICOM with several ultrasound regions, which one; None takes the largest tissue region.

    Returns:
        The clip; see its `warnings` for what the reader doubted or corrected.

    Raises:
        ReadError: when the file is missing, empty, damaged, of another kind or no ultrasound.
        DependencyError: when the format needs an optional package.
        ClipError: when the frames are too small or hold NaN.
    """
    target = Path(path)
    if target.is_dir():
        return _read_folder(target, region)
    if region is not None and _family(target) != "dicom":
        msg = f"{target} is no DICOM file, so it has no ultrasound regions; leave region= out."
        raise ReadError(msg)
    return _read_file(target, region)


def _read_file(path: Path, region: int | None) -> CineClip:
    family = _family(path)
    if family == "dicom":
        return read_dicom(path, region)
    if family == "video":
        return read_video(path)
    if family in PICTURES.values():
        return read_picture(path, family)
    if family.endswith("ImageIO"):
        return read_volume(path, family)
    head = f"{path} is of no format that can be read here ({FORMATS})"
    msg = f"{head}; convert it, or give its frames as CineClip(frames=array)."
    raise ReadError(msg)


def _family(path: Path) -> str:
    """ "dicom", "video", the name of an ITK reader, or "" for an unknown content."""
    head = _head(path)
    name = path.name.lower()
    if head[128:132] == b"DICM":
        return "dicom"
    if head.startswith(b"NRRD"):
        return "NrrdImageIO"
    if _is_nifti(head, path):
        return "NiftiImageIO"
    for magic, reader in PICTURES.items():
        if head.startswith(magic):
            return reader
    if head.startswith((b"GIF8", MATROSKA)) or head[4:8] == b"ftyp" or (head[:4] == b"RIFF" and head[8:11] == b"AVI"):
        return "video"
    if b"NDims" in head and b"=" in head:
        return "MetaImageIO"
    return "dicom" if name.endswith(DICOM_SUFFIXES) else ""


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except FileNotFoundError as error:
        msg = f"{path} does not exist; check the name."
        raise ReadError(msg) from error
    except OSError as error:
        msg = f"{path} cannot be opened ({error.strerror}); check that you may read it."
        raise ReadError(msg) from error
    if not head:
        msg = f"{path} is empty (0 bytes); copy or export it again."
        raise ReadError(msg)
    return head


def _is_nifti(head: bytes, path: Path) -> bool:
    if head.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(path) as file:
                head = file.read(HEAD)
        except (OSError, EOFError):
            return path.name.lower().endswith(".nii.gz")
    return head[344:347] in (b"n+1", b"ni1") or head[4:7] == b"n+2" or path.name.lower().endswith(".nii")


def _read_folder(folder: Path, region: int | None) -> CineClip:
    if is_patient_folder(folder):
        return read_patient_folder(folder)
    files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    readable = [p for p in files if p.stat().st_size and _family(p)]
    if len(readable) == 1:
        return read_clip(readable[0], region=region)
    seen = readable or files
    names = ", ".join(p.name for p in seen[:SHOWN]) + (f" and {len(seen) - SHOWN} more" if len(seen) > SHOWN else "")
    what = f"{len(readable)} readable files" if readable else "no readable file"
    msg = f"{folder} is a folder with {what} ({names or 'it is empty'}); give one file, or a CAMUS patient folder."
    raise ReadError(msg)
