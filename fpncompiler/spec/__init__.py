"""From YAML text to typed specs: tree (positions), expressions, references, topology, model."""
