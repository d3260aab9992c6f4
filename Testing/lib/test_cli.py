"""The command line: what it writes, says, and how it fails; readers and writers are real, the network is replaced."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

import PointSegLib
from PointSegLib import SegmentOptions
from PointSegLib.cli import files, main, options
from PointSegLib.clip import CineClip
from PointSegLib.errors import CheckpointError, PointError, PointSegError, WriteError
from PointSegLib.result import MYOCARDIUM, PointSegResult, PointTracks

FRAMES, HEIGHT, WIDTH = 6, 96, 128


class BrightnessPredictor:
    """Stands in for the network: bright pixels are wall, points stay where they are put."""

    asked: SegmentOptions | None = None

    def __init__(self, checkpoint: Path | None, device: str) -> None:
        self.checkpoint, self.device = checkpoint, device

    @classmethod
    def from_pretrained(cls, checkpoint: Path | None = None, device: str = "auto") -> BrightnessPredictor:
        if checkpoint is not None and not checkpoint.exists():
            msg = f"{checkpoint} does not exist."
            raise CheckpointError(msg)
        return cls(checkpoint, device)

    def __call__(
        self, clip: CineClip, points=None, progress=None, hints=None, probabilities=False, options=None
    ) -> PointSegResult:
        BrightnessPredictor.asked = options
        wall = clip.frames > 127
        for done in range(len(clip)):
            if progress:
                progress(done + 1, len(clip))
        odds = wall[:, None].astype(np.float16) if probabilities else None
        points = np.zeros((0, 3)) if points is None else points
        labels = wall.astype(np.uint8) * MYOCARDIUM
        return PointSegResult(labels, self.track(clip, points), odds, (MYOCARDIUM,), computed_on="pocket lamp")

    def track(self, clip: CineClip, points: np.ndarray, progress=None) -> PointTracks:
        xy = np.repeat(points[:, None, 1:], len(clip), axis=1).astype(np.float32)
        seen = np.ones(xy.shape[:2], bool)
        return PointTracks(xy, seen, seen.astype(np.float32), np.ones(len(points), bool), points.astype(np.float32))


@pytest.fixture(autouse=True)
def predictor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PointSegLib, "PointSegPredictor", BrightnessPredictor, raising=False)


def write_clip(path: Path, seed: int = 0) -> np.ndarray:
    """A small cine of noise in a fan-free frame, as a T x H x W volume file; returns its frames."""
    frames = np.random.default_rng(seed).integers(0, 256, (FRAMES, HEIGHT, WIDTH), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(frames), str(path))
    return frames


def read_labels(path: Path) -> np.ndarray:
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))).reshape(FRAMES, HEIGHT, WIDTH)


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def names_under(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_help_needs_neither_torch_nor_numpy() -> None:
    code = (
        "import sys; from PointSegLib.cli import build_parser; build_parser().format_help(); "
        "print([name for name in ('torch', 'numpy', 'SimpleITK') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_segment_writes_labels_and_tracks_under_the_clips_name(tmp_path: Path) -> None:
    frames = write_clip(tmp_path / "echo.nrrd")
    assert main(["segment", str(tmp_path / "echo.nrrd"), "-o", str(tmp_path / "out")]) == 0
    assert names_under(tmp_path / "out") == {"echo_labels.nrrd", "echo_tracks.csv"}
    assert np.array_equal(read_labels(tmp_path / "out/echo_labels.nrrd"), (frames > 127) * MYOCARDIUM)


def test_segment_runs_the_network_of_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from PointSegLib.inference import PointSegPredictor
    from PointSegLib.model import PRESETS, PointSeg, save_checkpoint

    torch.manual_seed(0)
    save_checkpoint(tmp_path / "untrained.safetensors", PointSeg(PRESETS["small"]()), {"data": "none"})
    monkeypatch.setattr(PointSegLib, "PointSegPredictor", PointSegPredictor)
    write_clip(tmp_path / "echo.nrrd")
    (tmp_path / "points.csv").write_text("0,60,40\n", encoding="utf-8")
    arguments = ["--checkpoint", str(tmp_path / "untrained.safetensors"), "--points", str(tmp_path / "points.csv")]
    assert main(["segment", str(tmp_path / "echo.nrrd"), "-o", str(tmp_path / "out"), *arguments]) == 0
    assert read_labels(tmp_path / "out/echo_labels.nrrd").max() <= 3
    prompts = [row for row in read_rows(tmp_path / "out/echo_tracks.csv") if row["is_prompt"] in ("1", "True", "true")]
    assert len(prompts) == FRAMES
    assert float(prompts[0]["x_px"]) == pytest.approx(60, abs=0.01)


def test_segment_writes_what_was_asked_for_and_reports_speed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("av")
    frames = write_clip(tmp_path / "echo.nii.gz")
    wanted = ["--overlay", "--probabilities", "--format", "nii.gz"]
    assert main(["segment", str(tmp_path / "echo.nii.gz"), "-o", str(tmp_path / "out"), *wanted]) == 0
    made = {f"echo_{name}" for name in ("labels.nii.gz", "tracks.csv", "overlay.mp4", "probabilities.npz")}
    assert names_under(tmp_path / "out") == made
    with np.load(tmp_path / "out/echo_probabilities.npz") as saved:
        assert np.array_equal(saved["probabilities"][:, 0], frames > 127)
        assert saved["class_labels"].tolist() == [MYOCARDIUM]
    said = capsys.readouterr().out
    assert f"{FRAMES} frames in" in said
    assert "frames/s, pocket lamp)" in said


@pytest.mark.parametrize("command", ["segment", "batch"])
def test_grid_and_smoothing_reach_the_network(command: str, tmp_path: Path) -> None:
    write_clip(tmp_path / "in" / "echo.nrrd")
    given = tmp_path / "in" if command == "batch" else tmp_path / "in" / "echo.nrrd"
    chosen = ["--grid", "24", "--smoothing", "1.5"]
    assert main([command, str(given), "-o", str(tmp_path / "out"), *chosen]) == 0
    assert BrightnessPredictor.asked == SegmentOptions(24, 1.5)
    assert main([command, str(given), "-o", str(tmp_path / "plain")]) == 0
    assert BrightnessPredictor.asked == SegmentOptions()


@pytest.mark.parametrize("command", ["segment", "batch"])
def test_a_grid_that_cannot_be_is_refused_before_anything_is_written(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clip(tmp_path / "in" / "echo.nrrd")
    given = tmp_path / "in" if command == "batch" else tmp_path / "in" / "echo.nrrd"
    assert main([command, str(given), "-o", str(tmp_path / "out"), "--grid", "900"]) == 2
    assert "choose from 2 to 64" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_track_writes_the_given_points(tmp_path: Path) -> None:
    write_clip(tmp_path / "echo.nrrd")
    (tmp_path / "points.csv").write_text("frame,x,y\n0,10,20\n2,30.5,40\n", encoding="utf-8")
    arguments = [str(tmp_path / "echo.nrrd"), "--points", str(tmp_path / "points.csv")]
    assert main(["track", *arguments, "-o", str(tmp_path / "new/tracks.csv")]) == 0
    rows = read_rows(tmp_path / "new/tracks.csv")
    assert len(rows) == 2 * FRAMES
    assert {(float(row["x_px"]), float(row["y_px"])) for row in rows} == {(10, 20), (30.5, 40)}


def test_batch_goes_on_after_a_bad_file_and_reports_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_clip(tmp_path / "in/a/echo.nrrd", seed=1)
    write_clip(tmp_path / "in/b/echo.nrrd", seed=2)
    (tmp_path / "in/a/broken.dcm").write_bytes(b"not a clip")
    (tmp_path / "in/.hidden").write_bytes(b"no file of the user's")
    assert main(["batch", str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 1
    rows = {row["file"]: row for row in read_rows(tmp_path / "out/report.csv")}
    assert {name: row["status"] for name, row in rows.items()} == {
        "a/broken.dcm": "failed",
        "a/echo.nrrd": "done",
        "b/echo.nrrd": "done",
    }
    assert "broken.dcm" in rows["a/broken.dcm"]["message"]
    assert int(rows["a/echo.nrrd"]["frames"]) == FRAMES
    assert not list((tmp_path / "out/a").glob("*broken*"))
    assert "2 done, 0 skipped, 1 failed" in capsys.readouterr().out


def test_batch_skips_what_is_done_unless_told_to_redo(tmp_path: Path) -> None:
    write_clip(tmp_path / "in/one.nrrd")
    command = ["batch", str(tmp_path / "in"), "-o", str(tmp_path / "in/results")]
    assert main(command) == 0
    labels = tmp_path / "in/results/one_labels.nrrd"
    labels.write_bytes(b"marked")
    assert main(command) == 0
    assert labels.read_bytes() == b"marked"
    assert [row["status"] for row in read_rows(tmp_path / "in/results/report.csv")] == ["skipped"]
    assert main([*command, "--redo"]) == 0
    assert len(read_labels(labels)) == FRAMES


def test_batch_of_finished_clips_runs_again_for_an_output_that_is_missing(tmp_path: Path) -> None:
    write_clip(tmp_path / "in/one.nrrd")
    command = ["batch", str(tmp_path / "in"), "-o", str(tmp_path / "out")]
    assert main(command) == 0
    assert main([*command, "--probabilities"]) == 0
    assert (tmp_path / "out/one_probabilities.npz").exists()


def test_batch_survives_an_error_nobody_foresaw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_kwargs: object) -> PointSegResult:
        raise ZeroDivisionError("unforeseen")

    monkeypatch.setattr(BrightnessPredictor, "__call__", fail)
    write_clip(tmp_path / "in/one.nrrd")
    assert main(["batch", str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 1
    assert read_rows(tmp_path / "out/report.csv")[0]["message"] == "ZeroDivisionError: unforeseen"


def test_info_tells_size_spacing_and_what_is_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_clip(tmp_path / "echo.nrrd")
    assert main(["info", str(tmp_path / "echo.nrrd")]) == 0
    shown = capsys.readouterr().out
    assert f"{FRAMES} of {WIDTH} x {HEIGHT} pixels" in shown
    assert "spacing" in shown


def test_info_of_a_real_dicom_is_one_json_object(echo_dicom: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(echo_dicom), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["frames"], facts["width"], facts["height"]) == (30, 320, 240)
    assert facts["frame_rate_hz"] == pytest.approx(30, rel=0.01)
    x0, y0, x1, y1 = facts["sector"]
    assert 0 <= x0 < x1 < 320
    assert 0 <= y0 < y1 < 240


@pytest.mark.parametrize("command", ["segment", "info", "track", "batch"])
def test_missing_input_is_one_line_and_exit_code_2(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "points.csv").write_text("0,1,1\n", encoding="utf-8")
    more = {"info": [], "track": ["--points", str(tmp_path / "points.csv"), "-o", str(tmp_path / "t.csv")]}
    arguments = more.get(command, ["-o", str(tmp_path / "out")])
    assert main([command, str(tmp_path / "absent.dcm"), *arguments]) == 2
    written = capsys.readouterr().err
    assert written.startswith("pointseg: error: ")
    assert "absent.dcm" in written
    assert written.count("\n") == 1


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    with pytest.raises(PointSegError):
        main(["info", "--debug", str(tmp_path / "absent.dcm")])


def test_missing_checkpoint_is_an_error_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clip(tmp_path / "echo.nrrd")
    command = ["segment", str(tmp_path / "echo.nrrd"), "-o", str(tmp_path / "out")]
    assert main([*command, "--checkpoint", str(tmp_path / "none.safetensors")]) == 2
    assert "none.safetensors" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_points_for_several_clips_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["segment", "a.dcm", "b.dcm", "-o", str(tmp_path), "--points", "p.csv"]) == 2
    assert "one clip" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["frame,x,y\n0,1,2\n3,4,5\n", "0,1,2\n3,4,5\n", "\ufeffframe, x, y\r\n0,1,2\r\n\r\n3,4,5"]
)
def test_points_are_read_with_or_without_header(text: str, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(text.encode("utf-8"))
    points, hints = files.read_points(tmp_path / "p.csv")
    assert points.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert hints == [None, None]


def test_points_may_say_what_they_lie_on(tmp_path):
    (tmp_path / "p.csv").write_text("frame,x,y,hint\n0,1,2,Wall\n3,4,5,\n6,7,8\n", encoding="utf-8")
    points, hints = files.read_points(tmp_path / "p.csv")
    assert points.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert hints == ["wall", None, None]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"frame,x,y\n0,1\n", "line 2"),
        (b"0,1,2,wall,twice\n", "5 columns"),
        (b"0,1,2\n0,one,2\n", "line 2"),
        (b"frame,x,y\n", "holds no points"),
        (b"", "holds no points"),
        (b"\xff\xfe\x00", "frame,x,y"),
    ],
)
def test_malformed_points_name_file_and_line(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(content)
    with pytest.raises(PointError, match=said) as caught:
        files.read_points(tmp_path / "p.csv")
    assert "p.csv" in str(caught.value)


def test_clips_of_one_name_keep_their_suffix_or_are_refused() -> None:
    out = Path("out")
    assert files.output_stems([Path("a/x.seq.nrrd"), Path("y.nii.gz")], out) == [out / "x", out / "y"]
    assert files.output_stems([Path("x.dcm"), Path("x.mp4")], out) == [out / "x.dcm", out / "x.mp4"]
    assert files.output_stems([Path("in/a/x"), Path("in/b/x")], out, Path("in")) == [out / "a/x", out / "b/x"]
    with pytest.raises(WriteError, match=r"x\.dcm"):
        files.output_stems([Path("a/x.dcm"), Path("b/x.dcm")], out)


def test_progress_bar_is_plain_ascii_and_reaches_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    options.progress_bar(15, 30)
    options.progress_bar(30, 30)
    half, full = capsys.readouterr().err.splitlines()
    assert half.isascii()
    assert half.count("#") * 2 == full.count("#")
    assert full.endswith("30/30")


def test_progress_is_silent_without_a_terminal_unless_verbose(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clip(tmp_path / "echo.nrrd")
    command = ["segment", str(tmp_path / "echo.nrrd"), "-o", str(tmp_path / "out")]
    assert main(command) == 0
    assert "#" not in capsys.readouterr().err
    assert main([*command, "--verbose"]) == 0
    assert f"{FRAMES}/{FRAMES}" in capsys.readouterr().err
