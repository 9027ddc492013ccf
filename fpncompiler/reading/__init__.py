"""Reads generated files without running them: their weights, what they compute, their interface."""
