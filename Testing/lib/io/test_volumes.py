"""Image files of 2-D and 2D+t give the same frames, with millimetres and seconds only where the header says so."""

from __future__ import annotations

import numpy as np
import pytest

from PointSegLib.errors import ClipError, ReadError
from PointSegLib.io import read_clip
from Testing.lib.io.makers import fan_frames, write_image

FRAMES = fan_frames(5)
COLOUR = np.repeat(FRAMES[..., None], 3, -1)
LIST_FIRST = "sizes: {t} {w} {h} 1\nkinds: list domain domain domain\nspace directions: none {directions}"
LIST_LAST = "sizes: {w} {h} 1 {t}\nkinds: domain domain domain list\nspace directions: {directions} none"
DIRECTIONS = "(0.3,0,0) (0,0.4,0) (0,0,1)"


def write_sequence(path, layout, fields="", frames=FRAMES):
    """A .seq.nrrd as Slicer writes it (list last) or as older versions did (list first)."""
    count, height, width = frames.shape
    first = layout is LIST_FIRST
    data = np.ascontiguousarray(frames.transpose(1, 2, 0)) if first else frames
    lines = layout.format(t=count, w=width, h=height, directions=DIRECTIONS)
    head = f"NRRD0004\ntype: unsigned char\ndimension: 4\nspace: left-posterior-superior\n{lines}\nencoding: raw\n"
    path.write_bytes((head + "space origin: (0,0,0)\n" + fields + "\n").encode() + data.tobytes())
    return path


def index_fields(axis: int, values: str, unit: str = "s") -> str:
    names = ['""'] * 4
    names[axis] = f'"{unit}"'
    return f"units: {' '.join(names)}\naxis {axis} index type:=numeric\naxis {axis} index values:={values}\n"


@pytest.mark.parametrize("suffix", ["nrrd", "nii.gz", "nii", "mha", "mhd"])
def test_time_stack_is_exact_with_non_square_spacing(tmp_path, suffix):
    clip = read_clip(write_image(tmp_path / f"a.{suffix}", FRAMES))
    assert np.array_equal(clip.frames, FRAMES)
    assert clip.spacing_mm == pytest.approx((0.15, 0.3))
    assert clip.times_s is None


@pytest.mark.parametrize("suffix", ["nrrd", "nii.gz", "mha"])
def test_two_dimensional_image_is_one_frame(tmp_path, suffix):
    clip = read_clip(write_image(tmp_path / f"a.{suffix}", FRAMES[0]))
    assert np.array_equal(clip.frames, FRAMES[:1])
    assert clip.spacing_mm == pytest.approx((0.15, 0.3))


def test_third_spacing_is_never_taken_for_seconds(tmp_path):
    clip = read_clip(write_image(tmp_path / "a.nii.gz", FRAMES, (0.3, 0.4, 0.02)))
    assert clip.times_s is None
    assert any("times are unknown" in w for w in clip.warnings)


@pytest.mark.parametrize(("unit", "step"), [("sec", 0.02), ("msec", 20.0), ("usec", 20000.0)])
def test_nifti_time_axis_counts_in_its_unit(tmp_path, unit, step):
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.Nifti1Image(FRAMES.transpose(2, 1, 0)[:, :, None], np.diag([0.3, 0.4, 1, 1]))
    image.header.set_xyzt_units("mm", unit)
    image.header["pixdim"][4] = step
    nibabel.save(image, tmp_path / "a.nii.gz")
    clip = read_clip(tmp_path / "a.nii.gz")
    assert np.array_equal(clip.frames, FRAMES)
    assert np.allclose(clip.times_s, np.arange(5) * 0.02)


@pytest.mark.parametrize(("layout", "axis"), [(LIST_FIRST, 0), (LIST_LAST, 3)], ids=["list first", "list last"])
def test_slicer_sequence_keeps_frames_spacing_and_times(tmp_path, layout, axis):
    path = write_sequence(tmp_path / "a.seq.nrrd", layout, index_fields(axis, "0 33 66 100 140", "ms"))
    clip = read_clip(path)
    assert np.array_equal(clip.frames, FRAMES)
    assert clip.spacing_mm == pytest.approx((0.4, 0.3))
    assert np.allclose(clip.times_s, [0, 0.033, 0.066, 0.1, 0.14])


def test_slicer_sequence_of_three_frames_is_not_taken_for_colour(tmp_path):
    path = write_sequence(tmp_path / "a.seq.nrrd", LIST_LAST, index_fields(3, "0 1 2"), FRAMES[:3])
    assert np.array_equal(read_clip(path).frames, FRAMES[:3])


def test_colour_sequence_is_grey_over_time(tmp_path):
    head = (
        "NRRD0004\ntype: unsigned char\ndimension: 5\nspace: left-posterior-superior\nsizes: 3 80 60 1 5\n"
        f"kinds: vector domain domain domain list\nspace directions: none {DIRECTIONS} none\nencoding: raw\n"
        'units: "" "" "" "" "s"\nspace origin: (0,0,0)\naxis 3 index values:=0 0.1 0.2 0.3 0.4\n\n'
    )
    (tmp_path / "a.seq.nrrd").write_bytes(head.encode() + COLOUR.tobytes())
    clip = read_clip(tmp_path / "a.seq.nrrd")
    assert np.array_equal(clip.frames, FRAMES)
    assert np.allclose(clip.times_s, np.arange(5) * 0.1)


@pytest.mark.parametrize(
    "fields",
    [index_fields(3, "0 1 2 3 4", "mmHg"), index_fields(3, "0 1 2 3 4", ""), index_fields(3, "0 1 1 2 3"), ""],
    ids=["pressure", "no unit", "not increasing", "no index"],
)
def test_sequence_index_that_is_no_time_gives_no_times(tmp_path, fields):
    clip = read_clip(write_sequence(tmp_path / "a.seq.nrrd", LIST_LAST, fields))
    assert clip.times_s is None
    assert any("times are unknown" in w for w in clip.warnings)


def test_default_spacing_is_not_believed(tmp_path):
    clip = read_clip(write_image(tmp_path / "a.nrrd", FRAMES, (1.0, 1.0, 1.0)))
    assert clip.spacing_mm is None
    assert any("default 1 x 1" in w for w in clip.warnings)


def test_colour_stack_is_grey(tmp_path):
    assert np.array_equal(read_clip(write_image(tmp_path / "a.mha", COLOUR, vector=True)).frames, FRAMES)


@pytest.mark.parametrize("kind", ["int16", "float32"])
def test_other_number_types_are_scaled(tmp_path, kind):
    array = (FRAMES.astype(kind) - 100) * 3
    assert np.array_equal(read_clip(write_image(tmp_path / "a.nrrd", array)).frames[FRAMES == 0], FRAMES[FRAMES == 0])


def test_nan_names_its_frame(tmp_path):
    array = FRAMES.astype(np.float32)
    array[3, 2, 1] = np.nan
    with pytest.raises(ClipError, match=r"a\.nrrd: frame 3 holds NaN"):
        read_clip(write_image(tmp_path / "a.nrrd", array))


def test_volume_over_time_is_refused(tmp_path):
    array = np.zeros((4, 6, 40, 50), np.uint8)
    array[0, 0, 0, 0] = 1
    with pytest.raises(ReadError, match=r"a\.nii\.gz is a 3-D volume over time \(50 x 40 x 6 x 4\)"):
        read_clip(write_image(tmp_path / "a.nii.gz", array, (1.0, 1.0, 1.0, 1.0)))


@pytest.mark.parametrize("suffix", ["nrrd", "nii.gz", "nii", "mha"])
def test_cut_off_file_is_refused_by_name(tmp_path, suffix):
    path = write_image(tmp_path / f"a.{suffix}", FRAMES)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ReadError, match=rf"a\.{suffix}"):
        read_clip(path)


def test_rotten_file_is_refused_by_name(tmp_path):
    path = write_image(tmp_path / "a.nii.gz", FRAMES)
    rotten = bytearray(path.read_bytes())
    rotten[-8] ^= 1  # the checksum no longer is that of the pixels
    path.write_bytes(rotten)
    with pytest.raises(ReadError, match=r"a\.nii\.gz is damaged or cut off .*CRC"):
        read_clip(path)


def test_short_raw_file_is_refused_by_name(tmp_path):
    path = write_image(tmp_path / "a.mhd", FRAMES)
    raw = tmp_path / "a.raw"
    raw.write_bytes(raw.read_bytes()[:9000])
    with pytest.raises(ReadError, match=r"a\.mhd"):
        read_clip(path)


def test_header_without_its_raw_file_is_refused(tmp_path):
    path = write_image(tmp_path / "a.mhd", FRAMES)
    (tmp_path / "a.raw").unlink()
    with pytest.raises(ReadError, match=r"a\.mhd cannot be read as Meta"):
        read_clip(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif"])
def test_picture_is_one_frame_without_millimetres(tmp_path, suffix):
    clip = read_clip(write_image(tmp_path / f"a.{suffix}", COLOUR[0], (0.3, 0.4), vector=True))
    assert clip.frames.shape == (1, 60, 80)
    assert np.abs(clip.frames[0].astype(int) - FRAMES[0]).mean() < 6
    assert clip.spacing_mm is None
    assert any("in pixels" in w for w in clip.warnings)


@pytest.mark.parametrize("name", ["IM1", "wrong.dcm"])
def test_nrrd_is_known_by_content(tmp_path, name):
    path = write_image(tmp_path / "a.nrrd", FRAMES).rename(tmp_path / name)
    assert np.array_equal(read_clip(path).frames, FRAMES)
