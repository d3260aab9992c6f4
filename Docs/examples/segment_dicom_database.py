"""Segments each ultrasound cine of a DICOM folder, loaded by Slicer's own DICOM module.

    Slicer --no-splash --no-main-window --python-script segment_dicom_database.py DICOM_FOLDER OUTPUT_FOLDER

Results then lie under their patient and study in the subject hierarchy. The database is a temporary one: yours is not
touched. Slicer takes the pixel spacing only from files with exactly one ultrasound region; segment_files.py also knows
the others.
"""

import sys
from pathlib import Path

import slicer


def segment_database(dicom_folder, output_folder):
    """Load all patients of a folder, segment their cines and return how many there were."""
    from DICOMLib import DICOMUtils

    output_folder.mkdir(parents=True, exist_ok=True)
    segmented = 0
    with DICOMUtils.TemporaryDICOMDatabase() as database:
        DICOMUtils.importDicom(str(dicom_folder), database)
        for patient in database.patients():
            slicer.mrmlScene.Clear()
            DICOMUtils.loadPatientByUID(patient)
            cines = segment_scene()
            segmented += cines
            if cines and not slicer.mrmlScene.WriteToMRB(str(output_folder / f"patient_{patient}.mrb")):
                raise OSError(f"{output_folder / f'patient_{patient}.mrb'} could not be written")
    return segmented


def segment_scene():
    """Segment every image sequence of the scene and return how many there were."""
    from PointSeg import PointSegLogic

    logic = PointSegLogic()
    browsers = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
    for browser in browsers:
        output = logic.process(browser)
        print(f"{output.imageNode.GetName()}: {len(output.result.labels)} frames")
        for warning in output.warnings:
            print(f"  {warning}")
    return len(browsers)


if __name__ == "__main__":
    sys.exit(0 if segment_database(Path(sys.argv[1]), Path(sys.argv[2])) else "no ultrasound cine was found")
