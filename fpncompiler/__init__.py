"""fpnc: the compiler for feature networks.

`compile_spec` turns a YAML topology into a graph, its cost and the source of a PyTorch module;
`load_model` compiles in memory and returns the detector's class.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpncompiler.api import compile_spec, load_model

__version__ = "0.1.0"
__all__ = ["__version__", "compile_spec", "load_model"]


def __getattr__(name: str) -> object:
    """Import the compiler when it is asked for: blocks and detection do without it."""
    if name in ("compile_spec", "load_model"):
        from fpncompiler import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
