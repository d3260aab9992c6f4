"""`python -m PointSegLib.cli ...` is `pointseg ...`, where the console command is not on the path."""

from __future__ import annotations

import sys

from PointSegLib.cli import main

sys.exit(main())
