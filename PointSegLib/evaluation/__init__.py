"""Metrics of masks, tracks and their steadiness in time, and the tables made of them."""
