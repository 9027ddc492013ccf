"""Names of generated files: one part of a path, which means the same file on every system."""

import os
import re

MAX_NAME = 255  # bytes, on every file system that is in use

# Windows knows these in every folder, with any suffix.
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\.|$)", re.IGNORECASE)
_UNPORTABLE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]|[. ]$|^$')


def file_name_fault(name: str) -> str:
    """Why a file cannot be called so; empty if it can."""
    if _UNPORTABLE.search(name):
        return "it has to be a plain name in its folder"
    if _DEVICE.match(name):
        return "the name is that of a device on Windows"
    if len(os.fsencode(name)) > MAX_NAME:
        return f"the name has more than {MAX_NAME} bytes"
    return ""
