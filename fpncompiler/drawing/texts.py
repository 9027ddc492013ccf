"""Texts of others on drawings: letters, and nothing that steers what shows them."""

UNKNOWN = "\ufffd"

# Controls, separators of lines, marks that turn the direction of reading, what is no character.
_STEERING = (
    (0x00, 0x1F),
    (0x7F, 0x9F),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0xD800, 0xDFFF),
    (0xFDD0, 0xFDEF),
    (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFC),
    (0xFFFE, 0xFFFF),
)


def harmless(text: str) -> str:
    """The text, with U+FFFD for what is no letter; by ranges, for Pythons know other Unicodes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(UNKNOWN if _steers(ord(letter)) else letter for letter in text)


def _steers(code: int) -> bool:
    return any(low <= code <= high for low, high in _STEERING)
