"""Findings and figures as lines for people, and as plain values for programs."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence

from fpncompiler.datasets.findings import KINDS, SEVERITIES, Finding
from fpncompiler.datasets.model import DataSet
from fpncompiler.datasets.statistics import MEDIUM, SMALL, Range, Statistics

SHOWN = 5  # findings of a code; the others are counted
CLASSES_SHOWN = 40


def finding_lines(findings: Sequence[Finding], limit: int = SHOWN) -> Iterator[str]:
    """Findings by code, errors first, at most `limit` of each and the count of the rest."""
    codes = {finding.code for finding in findings}
    for code in sorted(codes, key=lambda c: (SEVERITIES.index(KINDS[c][0]), c)):
        severity, title = KINDS[code]
        same = [finding for finding in findings if finding.code == code]
        yield f"{severity}[{code}]: {title} ({len(same)})"
        for finding in same[:limit]:
            line = f":{finding.line}" if finding.line else ""
            yield f"  {finding.file}{line}: {finding.message}"
        if len(same) > limit:
            yield f"  and {len(same) - limit} more"


def counted(findings: Sequence[Finding]) -> str:
    """`2 errors, 1 note`; `no findings`."""
    counts = Counter(finding.severity for finding in findings)
    parts = [f"{counts[s]} {s}{'s' * (counts[s] > 1)}" for s in SEVERITIES if counts[s]]
    return ", ".join(parts) or "no findings"


def as_value(finding: Finding) -> dict[str, object]:
    """A finding for JSON."""
    extra = {"severity": finding.severity, "title": finding.title}
    return {**dataclasses.asdict(finding), **extra}


def statistics_lines(dataset: DataSet, layout: str, figures: Statistics) -> Iterator[str]:
    """The figures of a split, under a heading."""
    total = figures.boxes
    yield (
        f"{dataset.name} ({layout}), split {dataset.split}: {_some(figures.images, 'image')},"
        f" {_some(total, 'box', 'boxes')}, {_some(len(dataset.classes), 'class', 'classes')}"
    )
    yield f"  images          width {_span(figures.image_width)}; height" + (
        f" {_span(figures.image_height)} px; {figures.without_labels} without labels"
    )
    yield f"  boxes an image  {_spread(figures.boxes_an_image)}"
    yield (
        f"  sizes           small {figures.small} (below {SMALL} x {SMALL} px),"
        f" medium {figures.medium}, large {figures.large} (from {MEDIUM} x {MEDIUM} px)"
    )
    yield f"  width, px       {_spread(figures.box_width)}"
    yield f"  height, px      {_spread(figures.box_height)}"
    yield f"  width / height  {_spread(figures.aspect)}"
    if figures.crowds:
        yield f"  crowds          {figures.crowds}"
    yield from _class_lines(figures)


def _class_lines(figures: Statistics) -> Iterator[str]:
    listed = sorted(figures.classes, key=lambda each: -each.boxes)
    width = max(5, *(len(each.name) for each in listed[:CLASSES_SHOWN]))
    yield f"  {'class':<{width}}  {'boxes':>8}  {'share':>6}  {'images':>8}"
    for each in listed[:CLASSES_SHOWN]:
        share = each.boxes / max(1, figures.boxes)
        yield f"  {each.name:<{width}}  {each.boxes:>8}  {share:>6.1%}  {each.images:>8}"
    if len(listed) > CLASSES_SHOWN:
        yield f"  and {len(listed) - CLASSES_SHOWN} more classes"


def _some(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


def _span(found: Range) -> str:
    low, high = f"{found.low:g}", f"{found.high:g}"
    return low if low == high else f"{low} to {high}"


def _spread(found: Range) -> str:
    low, median, mean, high = (
        f"{value:.4g}" for value in (found.low, found.median, found.mean, found.high)
    )
    return f"min {low}, median {median}, mean {mean}, max {high}"
