"""Measurements of the heart from masks and tracks: cycle, volumes, geometry, strain, motion, and their trust."""
