"""Ultrasound DICOM of every storage kind gives the same grey frames, true times and never a guessed millimetre."""

from __future__ import annotations

import io

import numpy as np
import pydicom
import pytest
from pydicom import examples
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from PointSegLib.errors import DependencyError, ReadError
from PointSegLib.io import dicom_pixels, read_clip
from Testing.lib.io.makers import fan_frames, region, save, ultrasound

FRAMES = fan_frames()
COLOUR = np.repeat(FRAMES[..., None], 3, -1)


def as_ybr(grey: np.ndarray) -> np.ndarray:
    return np.stack([grey, np.full_like(grey, 128), np.full_like(grey, 128)], -1)


def jpeg(path, stored: np.ndarray, photometric: str):
    """A JPEG baseline cine whose three stored channels are exactly `stored`: no colour transform at writing."""
    image_module = pytest.importorskip("PIL.Image")
    ds = ultrasound(stored, photometric=photometric)
    streams = []
    for frame in stored:
        buffer = io.BytesIO()
        # Pillow writes YCbCr pixels as they are.
        image_module.fromarray(frame, "YCbCr").save(buffer, "JPEG", quality=95, subsampling=0)
        streams.append(buffer.getvalue())
    ds.PixelData = pydicom.encaps.encapsulate(streams)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    return save(ds, path)


def test_monochrome_frames_are_exact(tmp_path):
    clip = read_clip(save(ultrasound(FRAMES), tmp_path / "a.dcm"))
    assert np.array_equal(clip.frames, FRAMES)
    assert clip.source.endswith("a.dcm")


def test_suffix_does_not_matter(tmp_path):
    assert np.array_equal(read_clip(save(ultrasound(FRAMES), tmp_path / "IM_0001")).frames, FRAMES)


def test_single_frame_without_number_of_frames_is_one_frame(tmp_path):
    clip = read_clip(save(ultrasound(FRAMES[:1], NumberOfFrames=None), tmp_path / "a.dcm"))
    assert np.array_equal(clip.frames, FRAMES[:1])


def test_monochrome1_is_inverted(tmp_path):
    clip = read_clip(save(ultrasound(255 - FRAMES, photometric="MONOCHROME1"), tmp_path / "a.dcm"))
    assert np.array_equal(clip.frames, FRAMES)


def test_rgb_of_equal_channels_is_its_grey(tmp_path):
    assert np.array_equal(read_clip(save(ultrasound(COLOUR, photometric="RGB"), tmp_path / "a.dcm")).frames, FRAMES)


def test_planar_rgb_is_its_grey(tmp_path):
    ds = ultrasound(COLOUR, photometric="RGB", PlanarConfiguration=1)
    ds.PixelData = np.ascontiguousarray(COLOUR.transpose(0, 3, 1, 2)).tobytes()
    assert np.array_equal(read_clip(save(ds, tmp_path / "a.dcm")).frames, FRAMES)


def test_ybr_full_is_its_luma(tmp_path):
    ds = ultrasound(as_ybr(FRAMES), photometric="YBR_FULL")
    assert np.array_equal(read_clip(save(ds, tmp_path / "a.dcm")).frames, FRAMES)


def test_uncompressed_ybr_full_422_is_its_luma(tmp_path):
    ds = ultrasound(as_ybr(FRAMES), photometric="YBR_FULL_422")
    pairs = FRAMES.reshape(len(FRAMES), 60, 40, 2)
    neutral = np.full_like(pairs, 128)
    ds.PixelData = np.concatenate([pairs, neutral], -1).tobytes()
    assert np.array_equal(read_clip(save(ds, tmp_path / "a.dcm")).frames, FRAMES)


def test_grey_palette_is_its_grey(tmp_path):
    ds = ultrasound(255 - FRAMES, photometric="PALETTE COLOR")
    table = ((255 - np.arange(256)) * 257).astype(np.uint16)
    for name in ("Red", "Green", "Blue"):
        setattr(ds, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(ds, f"{name}PaletteColorLookupTableData", table.tobytes())
    assert np.array_equal(read_clip(save(ds, tmp_path / "a.dcm")).frames, FRAMES)


def test_sixteen_bits_are_scaled_to_eight(tmp_path):
    frames = FRAMES.astype(np.uint16) * 16
    clip = read_clip(save(ultrasound(frames, BitsStored=12, HighBit=11), tmp_path / "a.dcm"))
    top = frames.max() / 255
    assert clip.frames.dtype == np.uint8
    assert np.abs(clip.frames - frames / top).max() <= 0.5


@pytest.mark.parametrize("stored", [FRAMES, COLOUR], ids=["grey", "rgb"])
def test_rle_frames_are_exact(tmp_path, stored):
    ds = ultrasound(stored, photometric="RGB" if stored.ndim == 4 else "MONOCHROME2")
    ds.compress(RLELossless)
    assert np.array_equal(read_clip(save(ds, tmp_path / "a.dcm")).frames, FRAMES)


def test_jpeg2000_frames_are_exact(tmp_path):
    pytest.importorskip("openjpeg")
    ds = ultrasound(FRAMES)
    ds.compress(JPEG2000Lossless)
    assert np.array_equal(read_clip(save(ds, tmp_path / "a.dcm")).frames, FRAMES)


def test_jpeg_cine_tagged_rightly_reads_without_doubt(tmp_path):
    clip = read_clip(jpeg(tmp_path / "a.dcm", as_ybr(FRAMES), "YBR_FULL"))
    assert np.abs(clip.frames.astype(int) - FRAMES).mean() < 3
    assert not any("pixels are" in w for w in clip.warnings)


def test_ybr_pixels_tagged_rgb_are_noticed(tmp_path):
    clip = read_clip(save(ultrasound(as_ybr(FRAMES), photometric="RGB"), tmp_path / "a.dcm"))
    assert np.array_equal(clip.frames, FRAMES)
    assert any("says RGB, but its pixels are YBR" in w for w in clip.warnings)


def test_rgb_pixels_tagged_ybr_are_noticed(tmp_path):
    clip = read_clip(save(ultrasound(COLOUR, photometric="YBR_FULL"), tmp_path / "a.dcm"))
    assert np.array_equal(clip.frames, FRAMES)
    assert any("says YBR_FULL, but its pixels are RGB" in w for w in clip.warnings)


def test_ybr_jpeg_tagged_rgb_still_reads_grey(tmp_path):
    clip = read_clip(jpeg(tmp_path / "a.dcm", as_ybr(FRAMES), "RGB"))
    assert np.abs(clip.frames.astype(int) - FRAMES).mean() < 3


def test_jpeg_without_pydicom_decoder_is_read_through_simpleitk(monkeypatch):
    whole = read_clip(examples.get_path("ybr_color"))

    class Nothing:
        is_available = False

    monkeypatch.setattr(dicom_pixels, "get_decoder", lambda syntax: Nothing)
    clip = read_clip(examples.get_path("ybr_color"))
    assert clip.frames.shape == (30, 240, 320)
    assert np.abs(clip.frames.astype(int) - whole.frames).mean() < 1


def test_missing_decoder_tells_what_to_install(tmp_path, monkeypatch):
    class Nothing:
        is_available = False

    def refuse(self):
        raise RuntimeError("no such codec")

    monkeypatch.setattr(dicom_pixels, "get_decoder", lambda syntax: Nothing)
    monkeypatch.setattr(dicom_pixels.SimpleITK.ImageFileReader, "Execute", refuse)
    with pytest.raises(DependencyError, match=r"pip install \"pointseg\[dicom\]\""):
        read_clip(examples.get_path("ybr_color"))


def test_frame_time_gives_times(tmp_path):
    clip = read_clip(save(ultrasound(FRAMES, FrameTime="20"), tmp_path / "a.dcm"))
    assert np.allclose(clip.times_s, np.arange(6) * 0.02)


def test_frame_time_vector_is_cumulative_from_zero(tmp_path):
    ds = ultrasound(FRAMES, FrameTimeVector=["0", "20", "30", "20", "20", "10"], FrameTime="99")
    assert np.allclose(read_clip(save(ds, tmp_path / "a.dcm")).times_s, [0, 0.02, 0.05, 0.07, 0.09, 0.1])


def test_bad_frame_time_vector_is_doubted_and_frame_time_used(tmp_path):
    clip = read_clip(save(ultrasound(FRAMES, FrameTimeVector=["0", "20"], FrameTime="50"), tmp_path / "a.dcm"))
    assert np.allclose(clip.times_s, np.arange(6) * 0.05)
    assert any("FrameTimeVector" in w for w in clip.warnings)


def test_r_waves_are_on_the_clock_of_the_frames(tmp_path):
    several = ultrasound(FRAMES, FrameTime="20", RWaveTimeVector=[10.0, 810.5])
    assert read_clip(save(several, tmp_path / "a.dcm")).r_wave_times_s == pytest.approx([0.01, 0.8105])
    one = ultrasound(FRAMES, FrameTime="20", RWaveTimeVector=30.0)
    assert read_clip(save(one, tmp_path / "b.dcm")).r_wave_times_s == pytest.approx([0.03])


@pytest.mark.parametrize(
    ("tags", "doubted"),
    [
        ({"FrameTime": "20"}, False),
        ({"FrameTime": "20", "RWaveTimeVector": []}, False),
        ({"RWaveTimeVector": [10.0]}, False),
        ({"FrameTime": "20", "RWaveTimeVector": [10.0, 10.0]}, True),
    ],
    ids=["none", "empty", "no frame times", "not increasing"],
)
def test_r_waves_that_cannot_be_placed_are_unknown(tmp_path, tags, doubted):
    clip = read_clip(save(ultrasound(FRAMES, **tags), tmp_path / "a.dcm"))
    assert clip.r_wave_times_s is None
    assert any("RWaveTimeVector" in w for w in clip.warnings) == doubted


@pytest.mark.parametrize("tag", ["CineRate", "RecommendedDisplayFrameRate"])
def test_rates_give_times(tmp_path, tag):
    clip = read_clip(save(ultrasound(FRAMES, **{tag: "40"}), tmp_path / "a.dcm"))
    assert np.allclose(clip.times_s, np.arange(6) / 40)


@pytest.mark.parametrize("tags", [{}, {"FrameTime": "0"}, {"CineRate": "0"}])
def test_unknown_times_are_none(tmp_path, tags):
    clip = read_clip(save(ultrasound(FRAMES, **tags), tmp_path / "a.dcm"))
    assert clip.times_s is None
    assert any("times are unknown" in w for w in clip.warnings)


def test_region_gives_non_square_spacing_and_box(tmp_path):
    ds = ultrasound(FRAMES, regions=[region((5, 0, 75, 58), (0.02, -0.04))])
    clip = read_clip(save(ds, tmp_path / "a.dcm"))
    assert clip.spacing_mm == pytest.approx((0.4, 0.2))
    assert clip.region == (5, 0, 75, 58)
    assert clip.calibration == "ultrasound region 0 of the DICOM file"


def test_largest_tissue_region_is_taken_and_another_can_be_chosen(tmp_path):
    doppler = region((0, 0, 79, 59), (0.5, 0.5), RegionSpatialFormat=3, RegionDataType=3, PhysicalUnitsXDirection=4)
    small, large = region((30, 2, 50, 20), (0.01, 0.01)), region((2, 0, 77, 58), (0.03, 0.03))
    path = save(ultrasound(FRAMES, regions=[doppler, small, large]), tmp_path / "a.dcm")
    assert read_clip(path).spacing_mm == pytest.approx((0.3, 0.3))
    assert read_clip(path, region=1).spacing_mm == pytest.approx((0.1, 0.1))
    with pytest.raises(ReadError, match=r"region 7 does not exist; the file has regions 0 to 2"):
        read_clip(path, region=7)


def test_region_not_in_centimetres_gives_no_millimetres(tmp_path):
    ds = ultrasound(FRAMES, regions=[region((2, 0, 77, 58), PhysicalUnitsXDirection=0, PhysicalUnitsYDirection=0)])
    clip = read_clip(save(ds, tmp_path / "a.dcm"))
    assert clip.spacing_mm is None
    assert clip.region == (2, 0, 77, 58)
    assert any("in pixels" in w for w in clip.warnings)


def test_pixel_spacing_is_used_without_regions(tmp_path):
    clip = read_clip(save(ultrasound(FRAMES, PixelSpacing=["0.5", "0.25"]), tmp_path / "a.dcm"))
    assert clip.spacing_mm == (0.5, 0.25)


def test_halved_pixels_are_noticed_and_corrected(tmp_path):
    ds = ultrasound(FRAMES, regions=[region((4, 0, 155, 117), (0.02, 0.02))])
    clip = read_clip(save(ds, tmp_path / "a.dcm"))
    assert clip.spacing_mm == pytest.approx((0.4, 0.4))
    assert clip.region == (2, 0, 77, 58)
    assert any("shrunk 2 times" in w for w in clip.warnings)


def test_screen_size_factor_is_noticed_and_corrected(tmp_path):
    frames = fan_frames(4, 480, 640)
    ds = ultrasound(frames, regions=[region((20, 0, 780, 598), (0.02, 0.02))])
    clip = read_clip(save(ds, tmp_path / "a.dcm"))
    assert clip.spacing_mm == pytest.approx((0.25, 0.25))


def test_region_no_factor_explains_is_refused(tmp_path):
    ds = ultrasound(FRAMES, regions=[region((70, 50, 190, 170))], PixelSpacing=["0.5", "0.5"])
    clip = read_clip(save(ds, tmp_path / "a.dcm"))
    assert clip.spacing_mm is None
    assert clip.region is None
    assert any("was refused" in w for w in clip.warnings)


def test_pydicom_example_is_calibrated_at_its_true_scale():
    clip = read_clip(examples.get_path("ybr_color"))
    assert clip.frames.shape == (30, 240, 320)
    assert clip.spacing_mm == pytest.approx((1.021, 1.021), abs=0.001)
    assert clip.region == (42, 15, 297, 207)
    assert clip.frame_rate_hz == pytest.approx(30, abs=0.01)
    assert any("shrunk 2 times" in w for w in clip.warnings)
    assert np.median(clip.frames[:, :10, 100:200]) < 5


@pytest.mark.parametrize(
    ("name", "shape"), [("rgb_color", (1, 240, 320)), ("palette_color", (1, 350, 800)), ("jpeg2k", (1, 480, 640))]
)
def test_pydicom_stills_read(name, shape):
    clip = read_clip(examples.get_path(name))
    assert clip.frames.shape == shape
    assert clip.frames.max() > 200
    assert clip.spacing_mm is None


def test_cropped_philips_still_is_not_calibrated_by_its_misfitting_region():
    assert any("was refused" in w for w in read_clip(examples.get_path("palette_color")).warnings)


@pytest.mark.parametrize(("name", "kind"), [("ct", "a CT volume"), ("mr", "a MR volume"), ("waveform", "a ECG object")])
def test_other_modalities_are_refused_by_name(name, kind):
    with pytest.raises(ReadError, match=rf"{kind}, not ultrasound\. PointSeg reads 2-D ultrasound"):
        read_clip(examples.get_path(name))


def test_three_dimensional_ultrasound_is_refused(tmp_path):
    ds = ultrasound(FRAMES, SOPClassUID="1.2.840.10008.5.1.4.1.1.6.2")
    with pytest.raises(ReadError, match="3-D ultrasound volume"):
        read_clip(save(ds, tmp_path / "a.dcm"))


def test_secondary_capture_reads_with_a_warning(tmp_path):
    ds = ultrasound(FRAMES, SOPClassUID="1.2.840.10008.5.1.4.1.1.7.2", Modality="OT")
    clip = read_clip(save(ds, tmp_path / "a.dcm"))
    assert np.array_equal(clip.frames, FRAMES)
    assert any("secondary capture" in w for w in clip.warnings)


def test_zero_frames_are_refused(tmp_path):
    ds = ultrasound(FRAMES, NumberOfFrames=0)
    with pytest.raises(ReadError, match=r"a\.dcm: the DICOM file has 0 frames"):
        read_clip(save(ds, tmp_path / "a.dcm"))


def test_missing_pixel_data_is_refused(tmp_path):
    with pytest.raises(ReadError, match=r"a\.dcm: the DICOM file has a header but no PixelData"):
        read_clip(save(ultrasound(FRAMES, PixelData=None), tmp_path / "a.dcm"))


@pytest.mark.parametrize("keep", [140, 300, 700, 5000, 28000])
@pytest.mark.parametrize("compressed", [False, True])
def test_cut_off_file_is_refused_by_name(tmp_path, keep, compressed):
    ds = ultrasound(FRAMES)
    if compressed:
        ds.compress(RLELossless)
    path = save(ds, tmp_path / "a.dcm")
    data = path.read_bytes()
    path.write_bytes(data[: min(keep, len(data) - 3000)])
    with pytest.raises(ReadError, match=r"a\.dcm"):
        read_clip(path)


def test_colour_overlay_on_a_dicom_is_suppressed(tmp_path):
    stored = COLOUR.copy()
    stored[:, 50:55, :30] = (0, 255, 0)
    clip = read_clip(save(ultrasound(stored, photometric="RGB"), tmp_path / "a.dcm"))
    assert clip.frames[:, 50:55, :30].max() == 0
    assert np.array_equal(clip.frames[:, :50], FRAMES[:, :50])
