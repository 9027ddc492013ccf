"""fpnc: the compiler for feature networks.

`compile_spec` turns a YAML topology into a graph, its cost and the source of a PyTorch module;
`load_model` compiles in memory and returns the detector's class.
"""

__version__ = "0.1.0"
