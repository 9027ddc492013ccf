"""How fast the generated detectors are, against effdet with the same weights."""
