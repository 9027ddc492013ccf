"""What is wrong, where it stands in the user's file, and how it is shown.

A user's mistake is a `Diagnostic` with a stable code and the span of the offending text. Phases
collect them in a `Sink`, so that one run reports every fault; `SpecError` carries them on.
Codes by phase: 1xx reading YAML, 2xx the language, 3xx the graph, 4xx levels and channels,
5xx models and scaling, 6xx output, 7xx graphs as text. `F` begins a fault, `W` a warning.
"""

from fpncompiler.diagnostics.errors import UserError
from fpncompiler.diagnostics.model import Diagnostic, Edit, Fix, Label, Span
from fpncompiler.diagnostics.silence import Silence, audible, silences_in
from fpncompiler.diagnostics.sink import Sink, SpecError
from fpncompiler.diagnostics.suggestions import MAX_CHOICES, nearest, rename, suggest
from fpncompiler.diagnostics.text import Texts, printable, render

__all__ = [
    "MAX_CHOICES",
    "Diagnostic",
    "Edit",
    "Fix",
    "Label",
    "Silence",
    "Sink",
    "Span",
    "SpecError",
    "Texts",
    "UserError",
    "audible",
    "nearest",
    "printable",
    "rename",
    "render",
    "silences_in",
    "suggest",
]
