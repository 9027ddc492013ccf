"""What the tests draw: every spec that ships, and those that tests hold."""

from functools import cache
from pathlib import Path

from fpncompiler.drawing.drawings import (
    Drawing,
    network_drawing,
    networks_drawing,
    stages_drawing,
)
from fpncompiler.pipeline import Checked, Options, check_spec
from tests.conftest import ROOT

SPECS = {
    path.stem: path
    for folder in ("specs", "tests/data/specs")
    for path in sorted((ROOT / folder).glob("*.yaml"))
}
# Families that read over several levels, maps of the backbone, shared adapters, many branches.
HARD = {
    "dense": """\
fpnc: 1
name: dense
levels: 3..7
adapters: {sharing: per_source}
nodes:
  td(l): [in(l), td(l+1), td(l+2), td(l+3)]
  out(l): [in(l), td(l), out(l-1), out(l-2), backbone(4)]
outputs: out
""",
    "four_branches": """\
fpnc: 1
name: four_branches
levels: 3..7
parallel: [bifpn, {mirror: bifpn}, fpn, panet]
""",
    "deep_gfpn": (ROOT / "specs/gfpn_log2n.yaml").read_text().replace("depth: 3", "depth: 9"),
    "the_same_twice": """\
fpnc: 1
name: twice
levels: 3..5
nodes:
  td(l): [in(l), td(l+1), td(l+1)]
  out(l): [td(l), td(l), in(l), in(l)]
outputs: out
""",
    "long_names": """\
fpnc: 1
name: a_name_as_long_as_a_name_of_a_spec_may_ever_be
title: "A <title> & \\"more\\" of it, \\u00e9\\u4e2d, as wide as the drawing, and wider"
levels: 3..4
nodes:
  a_name_that_is_quite_lo(l): [in(l), a_name_that_is_quite_lo(l+1)]
outputs: a_name_that_is_quite_lo
""",
}


@cache
def checked(name: str, phi: int = 0) -> Checked:
    """A spec by its name."""
    spec: str | Path = SPECS.get(name) or HARD[name]
    return check_spec(spec, Options(phi=phi))


@cache
def drawings(name: str) -> dict[str, Drawing]:
    """A spec drawn in every way."""
    found = checked(name)
    title = found.topology.title
    return {
        "network": network_drawing(found.network, title),
        "unrolled": network_drawing(found.network, title, layers=3, adapters=True),
        "stages": stages_drawing(found.stages, title, found.network),
        "beside another": networks_drawing(
            [(title, found.network), ("BiFPN", checked("bifpn").network)], ""
        ),
    }
