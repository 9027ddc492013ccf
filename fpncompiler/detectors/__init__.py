"""Detectors that can be used: generated code, weights, and what their classes are called."""
