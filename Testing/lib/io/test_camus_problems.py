"""A damaged CAMUS folder is told of whole: all damaged frames in one error, or skipped with a report."""

from __future__ import annotations

import numpy as np
import pytest

from PointSegLib.errors import ReadError
from PointSegLib.io import Problem, annotated_frames, annotated_sequences
from Testing.lib.io.makers import fan_frames, write_image

FRAMES = fan_frames(4)
LABELS = np.broadcast_to(np.arange(80, dtype=np.uint8) % 4, FRAMES.shape).copy()
PATIENTS = [f"patient{number:04d}" for number in range(1, 6)]
INFO = "ED: 1\nES: 4\nNbFrame: 4\n"


def file(root, patient, kind, view="4CH"):
    return root / patient / f"{patient}_{view}_{kind}.nii.gz"


@pytest.fixture
def sound(tmp_path):
    for patient in PATIENTS[:4]:
        for phase in ("ED", "ES"):
            write_image(file(tmp_path, patient, phase), FRAMES[0])
            write_image(file(tmp_path, patient, f"{phase}_gt"), LABELS[0])
    return tmp_path


@pytest.fixture
def damaged(sound):
    """Four damaged or incomplete frames of patients 1 to 4, and a patient 5 that is not there."""
    cut = file(sound, PATIENTS[0], "ED")
    cut.write_bytes(cut.read_bytes()[:200])
    write_image(file(sound, PATIENTS[1], "ES_gt"), LABELS[0, :50])
    write_image(file(sound, PATIENTS[2], "ED_gt"), LABELS[0] + 9)
    file(sound, PATIENTS[3], "ES").unlink()
    return sound


def names(cases):
    return [name for name, _, _ in cases]


def test_all_damage_is_in_one_error_before_the_first_frame(damaged):
    with pytest.raises(ReadError, match="3 cases are damaged") as caught:
        next(annotated_frames(damaged, PATIENTS))
    for name in ("patient0001_4CH_ED: ", "patient0002_4CH_ES: ", "patient0003_4CH_ED: "):
        assert name in str(caught.value)
    assert "cut off" in str(caught.value) or "damaged" in str(caught.value)


def test_a_report_takes_every_problem_and_the_rest_is_read(damaged):
    problems: list[Problem] = []
    read = names(annotated_frames(damaged, PATIENTS, problems=problems))
    assert read == [f"patient{n}" for n in ("0001_4CH_ES", "0002_4CH_ED", "0003_4CH_ES", "0004_4CH_ED")]
    assert [(p.case, p.absent) for p in problems] == [
        ("patient0001_4CH_ED", False),
        ("patient0002_4CH_ES", False),
        ("patient0003_4CH_ED", False),
        ("patient0004_4CH_ES", True),
        ("patient0005_4CH_ED", True),
        ("patient0005_4CH_ES", True),
    ]
    assert "[1, 50, 80]" in problems[1].message
    assert "holds the values" in problems[2].message
    assert "no such folder" in problems[4].message


def test_what_is_only_absent_is_left_out_with_one_warning(sound):
    file(sound, PATIENTS[3], "ES").unlink()
    file(sound, PATIENTS[2], "ED_gt").unlink()
    with pytest.warns(UserWarning, match="4 cases are left out") as caught:
        read = names(annotated_frames(sound, PATIENTS))
    assert len(caught) == 1
    assert "patient0003_4CH_ED: " in str(caught[0].message)
    assert len(read) == 6


@pytest.mark.filterwarnings("error")
def test_a_view_that_nobody_has_is_not_missed(sound):
    assert len(names(annotated_frames(sound, PATIENTS[:4], ("2CH", "4CH")))) == 8


def test_a_folder_without_frames_is_refused_even_with_a_report(tmp_path):
    with pytest.raises(ReadError, match="no annotated CAMUS frame"):
        list(annotated_frames(tmp_path, PATIENTS, problems=[]))


@pytest.mark.parametrize("view", ["2CH", "4CH"])
def test_sequences_are_walked_from_ed_to_es_and_need_their_info(tmp_path, view):
    for patient in PATIENTS[:3]:
        write_image(file(tmp_path, patient, "half_sequence", view), FRAMES)
        write_image(file(tmp_path, patient, "half_sequence_gt", view), LABELS)
    (tmp_path / PATIENTS[0] / f"Info_{view}.cfg").write_text(INFO)
    (tmp_path / PATIENTS[1] / f"Info_{view}.cfg").write_text("ED: 4\nES: 1\nNbFrame: 4\n")
    problems: list[Problem] = []
    read = list(annotated_sequences(tmp_path, PATIENTS[:3], problems=problems))
    assert names(read) == [f"{patient}_{view}" for patient in PATIENTS[:2]]
    assert np.array_equal(read[1][1].frames, FRAMES[::-1])
    assert [p.case for p in problems] == [f"patient0003_{view}"]
    assert f"Info_{view}.cfg" in problems[0].message
