"""What the PointSeg module is made of: reading cines from the scene, running the engine, writing results back.

Nothing here imports qt or ctk, so scripts and tests without the application use the same code as the widget.
"""

from PointSegModule.engine_path import makeEngineImportable

makeEngineImportable()
