"""Segments each ultrasound file of a folder inside Slicer, without a window.

    Slicer --no-splash --no-main-window --python-script segment_files.py INPUT_FOLDER OUTPUT_FOLDER

Files are read by PointSeg itself, which knows DICOM, .seq.nrrd, NIfTI, movies and pictures and needs no DICOM database.
For each file the output folder gets a scene (.mrb), labels (.labels.nrrd) and tracks (.tracks.csv). A file that cannot
be read is named and left out; the exit status is then 1.
"""

import sys
from pathlib import Path

import slicer


def segment_folder(input_folder, output_folder):
    """Segment every file and return the messages of those that failed."""
    output_folder.mkdir(parents=True, exist_ok=True)
    failures = []
    for file in sorted(file for file in input_folder.rglob("*") if file.is_file()):
        name = file.relative_to(input_folder).as_posix().replace("/", "_")
        try:
            segment_file(file, output_folder / name)
        except Exception as error:  # the next file may be sound
            failures.append(f"{file}: {error}")
    return failures


def segment_file(file, output):
    """Segment one file and write its results beside each other."""
    from PointSeg import PointSegLogic  # first: it makes the other two importable

    from PointSegLib import read_clip, write_labels, write_tracks
    from PointSegModule.clip_loading import addClip

    slicer.mrmlScene.Clear()
    clip = read_clip(file)
    result = PointSegLogic().process(addClip(clip, file.stem)).result
    for warning in (*clip.warnings, *result.warnings):
        print(f"{file.name}: {warning}")
    write_labels(f"{output}.labels.nrrd", result.labels, clip)
    write_tracks(f"{output}.tracks.csv", result.tracks, clip)
    if not slicer.mrmlScene.WriteToMRB(f"{output}.mrb"):
        raise OSError(f"{output}.mrb could not be written")
    print(f"{file.name}: {len(result.labels)} frames")


if __name__ == "__main__":
    problems = segment_folder(Path(sys.argv[1]), Path(sys.argv[2]))
    print("\n".join(problems), file=sys.stderr)
    sys.exit(1 if problems else 0)
