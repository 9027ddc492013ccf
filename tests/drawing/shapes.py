"""What is where in an SVG: texts, boxes, arrows, marks, as rectangles and points of the page."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import hypot

from fpncompiler.drawing.measures import label_width, width_of
from fpncompiler.drawing.palette import PREFIX

SVG = "{http://www.w3.org/2000/svg}"
BOXES = {"input", "fuse", "unary", "output", "added-box", "removed-box"}
ARROWS = {"same", "finer", "coarser", "added", "removed"}
SAMPLES = 12  # of a curve

Point = tuple[float, float]


@dataclass(frozen=True)
class Rect:
    left: float
    top: float
    right: float
    bottom: float
    corner: float = 0.0  # its radius

    def overlaps(self, other: "Rect") -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def holds(self, point: Point) -> bool:
        x, y = point
        if not (self.left < x < self.right and self.top < y < self.bottom):
            return False
        across = max(self.left + self.corner - x, x - self.right + self.corner, 0)
        down = max(self.top + self.corner - y, y - self.bottom + self.corner, 0)
        return not (across and down) or hypot(across, down) < self.corner

    def grown(self, by: float) -> "Rect":
        corner = max(0.0, self.corner + by)
        return Rect(self.left - by, self.top - by, self.right + by, self.bottom + by, corner)


@dataclass(frozen=True)
class Text:
    rect: Rect
    text: str
    box: Rect | None  # that it is the label of


@dataclass(frozen=True)
class Arrow:
    points: list[Point]
    about: str
    kind: str

    @cached_property
    def rect(self) -> Rect:
        xs, ys = zip(*self.points, strict=True)
        return Rect(min(xs), min(ys), max(xs), max(ys)).grown(1)


@dataclass
class Shapes:
    page: Rect
    texts: list[Text] = field(default_factory=list)
    boxes: list[tuple[Rect, str]] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    marks: list[Rect] = field(default_factory=list)
    others: list[Rect] = field(default_factory=list)  # bands, frames, badges


def shapes_of(svg: str) -> Shapes:
    root = ET.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    x, y, width, height = map(float, root.get("viewBox", "").split())
    shapes = Shapes(Rect(x, y, x + width, y + height))
    _read(root, (0.0, 0.0), None, shapes)
    return shapes


def _read(element: ET.Element, at: Point, box: Rect | None, shapes: Shapes) -> None:
    moved = re.fullmatch(r"translate\((\S+) (\S+)\)", element.get("transform", ""))
    if moved:
        at = at[0] + float(moved[1]), at[1] + float(moved[2])
    classes = {name.removeprefix(PREFIX) for name in element.get("class", "").split()}
    match element.tag.removeprefix(SVG):
        case "g" if classes & ARROWS:
            shapes.arrows.append(_arrow(element, at, *classes))
            return
        case "g":
            for child in element:
                inner = {n.removeprefix(PREFIX) for n in child.get("class", "").split()}
                if inner & BOXES:
                    box = _rect(child, at)
                    shapes.boxes.append((box, _about(element)))
        case "text":
            shapes.texts.append(Text(_text_rect(element, classes, at), element.text or "", box))
        case "rect" | "circle" | "polygon":
            if classes == {"mark"}:
                shapes.marks.append(_rect(element, at))
            elif not classes & BOXES:
                shapes.others.append(_rect(element, at))
    for child in element:
        _read(child, at, box, shapes)


def _about(element: ET.Element) -> str:
    return element.findtext(f"{SVG}title") or ""


def _rect(element: ET.Element, at: Point) -> Rect:
    def value(name: str) -> float:
        return float(element.get(name, "0"))

    x, y = at
    match element.tag.removeprefix(SVG):
        case "rect":
            left, top = x + value("x"), y + value("y")
            return Rect(left, top, left + value("width"), top + value("height"), value("rx"))
        case "circle":
            cx, cy, r = x + value("cx"), y + value("cy"), value("r")
            return Rect(cx - r, cy - r, cx + r, cy + r)
        case _:
            numbers = [float(n) for n in re.findall(r"[-\d.]+", element.get("points", ""))]
            xs, ys = numbers[::2], numbers[1::2]
            return Rect(x + min(xs), y + min(ys), x + max(xs), y + max(ys))


def _text_rect(element: ET.Element, classes: set[str], at: Point) -> Rect:
    size, text = float(element.get("font-size", "0")), element.text or ""
    wide = label_width(text, size) if "label" in classes else 0.0
    wide = wide or width_of(text, size, bold=bool(classes & {"strong", "level"}))
    left = at[0] + float(element.get("x", "0"))
    left -= wide / 2 if element.get("text-anchor") == "middle" else 0
    base = at[1] + float(element.get("y", "0"))
    return Rect(left, base - 0.76 * size, left + wide, base + 0.24 * size)


def _arrow(element: ET.Element, at: Point, kind: str) -> Arrow:
    line, head = element.findall(f"{SVG}path")
    points = [*_points(line.get("d", ""))]
    tip = next(_points(head.get("d", "")))
    moved = [(x + at[0], y + at[1]) for x, y in [*points, tip]]
    return Arrow(moved, _about(element), kind)


def _points(data: str) -> Iterator[Point]:
    """Points of a path, close to each other."""
    at = (0.0, 0.0)
    for command, rest in re.findall(r"([MLHVCZ])([^MLHVCZ]*)", data):
        numbers = [float(n) for n in rest.split()]
        match command:
            case "M":
                at = numbers[0], numbers[1]
                yield at
            case "Z":
                pass
            case "C":
                a, b, c = zip(numbers[::2], numbers[1::2], strict=True)
                for step in range(1, SAMPLES + 1):
                    yield _on_curve(at, a, b, c, step / SAMPLES)
                at = c
            case _:
                to = {"H": (numbers[0], at[1]), "V": (at[0], numbers[0])}.get(command)
                to = to or (numbers[0], numbers[1])
                for step in range(1, SAMPLES + 1):
                    part = step / SAMPLES
                    yield at[0] + part * (to[0] - at[0]), at[1] + part * (to[1] - at[1])
                at = to


def _on_curve(p: Point, a: Point, b: Point, c: Point, t: float) -> Point:
    s = 1 - t
    x, y = (s**3 * p[i] + 3 * s * s * t * a[i] + 3 * s * t * t * b[i] + t**3 * c[i] for i in (0, 1))
    return x, y
