"""fpnc: arguments in, exit code out."""

from fpncompiler.cli.entry import main, script

__all__ = ["main", "script"]
