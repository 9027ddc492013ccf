"""Detectors at work: weights and pictures. Takes any module with the documented outputs."""
