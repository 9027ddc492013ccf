"""An SVG as PNG, by resvg, which the extra `fpnc[draw]` installs."""

from fpncompiler.drawing.palette import DARK, LIGHT, Theme

ZOOM = 2.0  # pixels of the picture to one of the drawing, for screens that have as many
_SANS, _MONOSPACE = "DejaVu Sans", "DejaVu Sans Mono"
_PROBE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20">'
    '<text y="15" font-family="sans-serif">{}</text></svg>'
)


class RenderError(Exception):
    """What a PNG needs is not there; `help` says how to get it."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.help = help


def png_of(svg: str, theme: Theme) -> bytes:
    """The picture of an SVG.

    Raises:
        RenderError: the renderer is not installed, or finds no font.
    """
    try:
        import resvg_py
    except ImportError:
        help = "pip install 'fpnc[draw]', or write SVG"
        raise RenderError("a PNG needs resvg-py", help) from None
    with_letter, without = (
        resvg_py.svg_to_bytes(svg_string=_PROBE.format(text), sans_serif_family=_SANS)
        for text in ("x", "")
    )
    if with_letter == without:
        help = "install one, such as the package fonts-dejavu-core of Debian, or write SVG"
        raise RenderError("there is no font to write labels with", help)
    page = (DARK if theme == "dark" else LIGHT).page
    return resvg_py.svg_to_bytes(
        svg_string=svg,
        background=page,
        zoom=ZOOM,
        sans_serif_family=_SANS,
        monospace_family=_MONOSPACE,
    )
