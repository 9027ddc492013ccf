"""`python -m fpncompiler`: the command `fpnc` of this Python."""

from fpncompiler.cli.entry import script

if __name__ == "__main__":
    script()
