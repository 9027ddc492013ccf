"""No label, box or arrow of a drawing is in the way of another, for any spec that ships or not."""

import os
import re
from dataclasses import replace
from itertools import combinations
from random import Random

import pytest

from fpncompiler.diagnostics import SpecError
from fpncompiler.drawing.drawings import layer_svg, network_drawing, stages_drawing, told
from fpncompiler.pipeline import Options, check_spec
from fpncompiler.spec.reading import Levels
from tests.drawing.shapes import Arrow, Shapes, shapes_of
from tests.drawing.specs import HARD, SPECS, checked, drawings
from tests.oracle.specs import Drafter

NAMES = [*SPECS, *HARD]


HEAVY = bool(os.environ.get("FPNC_HEAVY"))


def faults(shapes: Shapes) -> list[str]:
    return [
        *texts_on_texts(shapes),
        *texts_on_boxes(shapes),
        *boxes_on_boxes(shapes),
        *arrows_through_boxes(shapes),
        *arrows_through_texts(shapes),
        *marks_on_anything(shapes),
        *loose_ends(shapes),
        *outside_of_the_page(shapes),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_in_the_way_of_anything(name):
    svgs = {kind: told(drawing, "svg") for kind, drawing in drawings(name).items()}
    svgs["layer"] = layer_svg(checked(name).layer, title=checked(name).topology.title)
    for kind, svg in svgs.items():
        assert faults(shapes_of(svg)) == [], kind


@pytest.mark.parametrize("seed", range(10_000 if HEAVY else 40))
def test_nothing_is_in_the_way_in_random_topologies(seed):
    spec = Drafter(Random(seed)).spec()
    options = dict(spec.options)
    levels = Levels(*options["levels"]) if "levels" in options else None
    chosen = Options(phi=options.get("phi"), backbone=options["backbone"], levels=levels)
    try:
        found = check_spec(spec.text, chosen)
    except SpecError:
        return  # a few of them cannot be compiled
    for drawing in (
        network_drawing(found.network, found.topology.title, layers=2, adapters=True),
        stages_drawing(found.stages, found.topology.title, found.network),
    ):
        assert faults(shapes_of(told(drawing, "svg"))) == []


def texts_on_texts(shapes: Shapes) -> list[str]:
    pairs = combinations(shapes.texts, 2)
    return [f"{a.text!r} on {b.text!r}" for a, b in pairs if a.rect.overlaps(b.rect)]


def texts_on_boxes(shapes: Shapes) -> list[str]:
    faults = []
    for text in shapes.texts:
        if text.box and not (text.box.left <= text.rect.left and text.rect.right <= text.box.right):
            faults.append(f"{text.text!r} is wider than its box")
        faults += [
            f"{text.text!r} on {about!r}"
            for box, about in shapes.boxes
            if box != text.box and box.overlaps(text.rect)
        ]
    return faults


def boxes_on_boxes(shapes: Shapes) -> list[str]:
    pairs = combinations(shapes.boxes, 2)
    return [f"{a!r} on {b!r}" for (first, a), (second, b) in pairs if first.overlaps(second)]


def arrows_through_boxes(shapes: Shapes) -> list[str]:
    """Also through the two that it joins: it only touches them."""
    return [
        f"{arrow.about!r} through {about!r}"
        for arrow in shapes.arrows
        for box, about in shapes.boxes
        if box.overlaps(arrow.rect) and any(map(box.grown(-1).holds, arrow.points))
    ]


def arrows_through_texts(shapes: Shapes) -> list[str]:
    return [
        f"{arrow.about!r} through {text.text!r}"
        for arrow in shapes.arrows
        for text in shapes.texts
        if text.rect.overlaps(arrow.rect) and any(map(text.rect.holds, arrow.points))
    ]


def marks_on_anything(shapes: Shapes) -> list[str]:
    things = [box for box, _ in shapes.boxes] + [text.rect for text in shapes.texts]
    faults = [f"a mark at {mark}" for mark in shapes.marks if any(map(mark.overlaps, things))]
    pairs = combinations(shapes.marks, 2)
    return faults + [f"a mark at {a} on {b}" for a, b in pairs if a.grown(-1).overlaps(b)]


def outside_of_the_page(shapes: Shapes) -> list[str]:
    rects = [text.rect for text in shapes.texts] + [box for box, _ in shapes.boxes]
    rects += [arrow.rect for arrow in shapes.arrows] + shapes.marks + shapes.others
    page = shapes.page
    return [
        f"{rect} is outside"
        for rect in rects
        if rect.left < page.left
        or rect.top < page.top
        or rect.right > page.right
        or rect.bottom > page.bottom
    ]


def loose_ends(shapes: Shapes) -> list[str]:
    """Arrows that do not lead from one box to another; signs of the legend say nothing."""
    faults = []
    for arrow in shapes.arrows:
        ends = (arrow.points[0], arrow.points[-1])
        touched = [{box for box, _ in shapes.boxes if box.grown(1).holds(end)} for end in ends]
        if arrow.about and (not all(touched) or touched[0] == touched[1]):
            faults.append(f"{arrow.about!r} has a loose end")
    return faults


def straight_line(arrow: Arrow) -> list[tuple[float, float]]:
    (x, y), (to_x, to_y) = arrow.points[0], arrow.points[-1]
    return [(x + (to_x - x) * n / 100, y + (to_y - y) * n / 100) for n in range(101)]


def test_overlaps_are_found():
    """The checks above would see a fault: a drawing squeezed together has all of them."""
    svg = told(drawings("bifpn")["unrolled"], "svg")
    squeezed = shapes_of(re.sub(r' (c?y)="[\d.]+"', r' \1="90"', svg))
    assert texts_on_texts(squeezed)
    assert texts_on_boxes(squeezed)
    assert boxes_on_boxes(squeezed)
    straight = shapes_of(re.sub(r"C\S+ \S+ \S+ \S+ ", "L", svg))
    assert not arrows_through_boxes(straight)  # they bend between columns, where there are none
    found = shapes_of(svg)
    found.arrows = [replace(arrow, points=straight_line(arrow)) for arrow in found.arrows]
    assert arrows_through_boxes(found)
    found.boxes.pop(0)
    assert loose_ends(found)
    assert outside_of_the_page(shapes_of(re.sub(r'viewBox="0 0', 'viewBox="40 0', svg)))
