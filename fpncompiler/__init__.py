"""fpnc: the compiler for feature networks.

`compile_spec` turns a YAML topology into a graph, its cost and the source of a PyTorch module, and
raises SpecError, whose text shows the faults; `draw` draws what it returns; `load_model` compiles
in memory and returns the detector's class.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpncompiler.api import SpecError, compile_spec, draw, load_model

__version__ = "0.1.0"
__all__ = ["SpecError", "__version__", "compile_spec", "draw", "load_model"]


def __getattr__(name: str) -> object:
    """Import the compiler when it is asked for: blocks and detection do without it."""
    if name in ("SpecError", "compile_spec", "draw", "load_model"):
        from fpncompiler import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
