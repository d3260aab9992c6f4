"""Synthetic echo clips with exact masks and trajectories."""
