"""`python -m fpncompiler.cli`."""

from fpncompiler.cli.entry import script

script()
