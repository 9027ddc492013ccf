"""Scaling by phi: the published rows, and equations 1 to 3 of the paper (arXiv 1911.09070)."""

from pathlib import Path

import pytest

from fpncompiler.diagnostics import Sink, SpecError
from fpncompiler.ir.text import step_text
from fpncompiler.pipeline import Compiled, Options, compile_spec
from fpncompiler.spec.reading import Reader
from fpncompiler.spec.tree import parse_tree

BIFPN = Path(__file__).parents[2] / "specs/bifpn.yaml"

# resolution, width, depth, depth of the heads, anchor scale, backbone; google/automl and effdet
PUBLISHED = {
    "d0": (512, 64, 3, 3, 4, "tf_efficientnet_b0"),
    "d1": (640, 88, 4, 3, 4, "tf_efficientnet_b1"),
    "d2": (768, 112, 5, 3, 4, "tf_efficientnet_b2"),
    "d3": (896, 160, 6, 4, 4, "tf_efficientnet_b3"),
    "d4": (1024, 224, 7, 4, 4, "tf_efficientnet_b4"),
    "d5": (1280, 288, 7, 4, 4, "tf_efficientnet_b5"),
    "d6": (1280, 384, 8, 5, 4, "tf_efficientnet_b6"),
    "d7": (1536, 384, 8, 5, 5, "tf_efficientnet_b6"),
    "d7x": (1536, 384, 8, 5, 4, "tf_efficientnet_b7"),
    "lite0": (320, 64, 3, 3, 3, "tf_efficientnet_lite0"),
    "lite1": (384, 88, 4, 3, 3, "tf_efficientnet_lite1"),
    "lite2": (448, 112, 5, 3, 3, "tf_efficientnet_lite2"),
    "lite3": (512, 160, 6, 4, 4, "tf_efficientnet_lite3"),
    "lite3x": (640, 200, 6, 4, 3, "tf_efficientnet_lite3"),
    "lite4": (640, 224, 7, 4, 4, "tf_efficientnet_lite4"),
}
FORMULA = [
    (512, 64, 3, 3),
    (640, 88, 4, 3),
    (768, 120, 5, 3),
    (896, 160, 6, 4),
    (1024, 216, 7, 4),
    (1152, 288, 8, 4),
    (1280, 384, 9, 5),
    (1408, 520, 10, 5),
]


def compiled(**options) -> Compiled:
    return compile_spec(BIFPN, Options(**options))


def row(found: Compiled) -> tuple[int, int, int, int]:
    height, width = found.model.resolution
    assert height == width
    return height, found.topology.width, found.topology.depth, found.model.heads.depth


@pytest.mark.parametrize("name", PUBLISHED)
def test_variant_follows_the_published_row(name):
    found = compiled(variant=name)
    (scale,) = found.model.anchors.scales
    assert (*row(found), scale, found.model.backbone.name) == PUBLISHED[name]
    assert found.name == f"bifpn_{name}"
    assert found.network.depth == found.topology.depth
    sums = name in ("d6", "d7", "d7x") or name.startswith("lite")
    assert found.topology.style.fusion.kind == ("sum" if sums else "fast_normalized")
    assert tuple(found.topology.levels) == (tuple(range(3, 9 if name == "d7x" else 8)))


@pytest.mark.parametrize("phi", range(8))
def test_phi_and_its_variant_are_one_row(phi):
    assert compiled(phi=phi).model == compiled(variant=f"d{phi}").model
    assert row(compiled(phi=phi)) == PUBLISHED[f"d{phi}"][:4]


@pytest.mark.parametrize("phi", range(8))
def test_formula_scaling_follows_the_equations(phi):
    found = compiled(phi=phi, formula_scaling=True)
    assert row(found) == FORMULA[phi]
    assert found.name == f"bifpn_d{phi}_formula"


def test_phi_is_0_where_nothing_is_chosen():
    assert compiled().name == "bifpn_d0"


@pytest.mark.parametrize("name", [n for n in PUBLISHED if n.startswith("lite")])
def test_lite_models_differ_in_activation_image_and_drop_path(name):
    model = compiled(variant=name).model
    assert model.heads.activation == "relu6"
    assert model.mean == model.std == (0.5, 0.5, 0.5)
    assert model.backbone.drop_path_rate == (0.0 if name == "lite0" else 0.2)


def test_family_of_variants_begins_at_its_first_phi():
    assert compiled(variant="lite").name == "bifpn_lite0"


@pytest.mark.parametrize(("phi", "code"), [(8, "F502"), (-1, "F502")])
def test_phi_beyond_the_table_is_refused(phi, code):
    with pytest.raises(SpecError) as caught:
        compiled(phi=phi)
    assert [d.code for d in caught.value.diagnostics] == [code]


@pytest.mark.parametrize("variant", ["lite5", "d8"])
def test_variant_beyond_its_range_is_refused(variant):
    with pytest.raises(SpecError) as caught:
        compiled(variant=variant)
    assert [d.code for d in caught.value.diagnostics] == ["F502"]


@pytest.mark.parametrize("variant", ["d07", "lite03"])
def test_variant_has_one_name(variant):
    with pytest.raises(SpecError):
        compiled(variant=variant)


TABLE = "{formula: 2 * phi, published: "


@pytest.mark.parametrize(
    ("text", "phi", "published", "by_formula"),
    [
        ("7", 3, 7, 7),
        ("phi + 1", 3, 4, 4),
        ("[7]", 0, None, None),
        (TABLE + "[1, 3, 5]}", 1, 3, 2),
        (TABLE + "[1, 3, 5]}", 3, 6, 6),
        (TABLE + "{1: 9}}", 1, 9, 2),
        (TABLE + "{1: 9}}", 2, 4, 4),
        (TABLE + "[phi, phi * 5]}", 1, 5, 2),
        ("{published: [1, 3]}", 1, 3, 3),
        ("{formula: phi}", 2, 2, 2),
    ],
)
def test_published_value_wins_over_the_formula_unless_asked(text, phi, published, by_formula):
    for prefer, expected in ((False, published), (True, by_formula)):
        sink = Sink()
        node = parse_tree(f"x: {text}\n".encode(), "s.yaml", sink).get("x")
        value = Reader(sink, phi, prefer).integer(node, "`x`", 0, 100, 42)
        if expected is None:
            assert [d.code for d in sink.diagnostics] == ["F203"]
        else:
            assert (value, sink.diagnostics) == (expected, [])


WIDTHS = """\
fpnc: 1
name: mine
levels: 3..6
{settings}
nodes:
  td(l): {{inputs: [in(l), td(l+1)]{own}}}
outputs: td
depth: 1
"""


def widths(settings: str, own: str = "", phi: int = 0) -> list[int]:
    """The width of each node, from the finest level on."""
    network = compile_spec(WIDTHS.format(settings=settings, own=own), Options(phi=phi)).network
    return [width for _, width in sorted(network.output_widths().items())]


@pytest.mark.parametrize(
    ("settings", "own", "expected"),
    [
        ("width: 32", "", [32, 32, 32, 32]),
        ("width: 16 * l", "", [48, 64, 80, 96]),
        ("width: 2 ** l", "", [8, 16, 32, 64]),
        ("width: min(64, 16 * (l - 2))", "", [16, 32, 48, 64]),
        ("width: 32", ", width: 8 * l", [24, 32, 40, 48]),
        ("let: {base: 8}\nwidth: base * l", "", [24, 32, 40, 48]),
        ("let: {base: 8, wide: base * 2}\nwidth: wide", "", [16, 16, 16, 16]),
        ("let: {a: 0.25, longest: 1024}\nwidth: round_to(min(longest, 2 ** (l + 4)) * a, 8)", "",
         [32, 64, 128, 256]),
        ("let: {base: 24}", ", width: base", [24, 24, 24, 24]),
        ("let: {fewest: 8}\nwidth: max(fewest, 0)", "", [8, 8, 8, 8]),
    ],
)  # fmt: skip
def test_width_is_a_formula_of_the_level_and_of_constants(settings, own, expected):
    assert widths(settings, own) == expected


@pytest.mark.parametrize(("phi", "expected"), [(0, 16), (1, 32), (2, 64)])
def test_constant_scales_with_phi(phi, expected):
    table = "let: {multiple: {published: [0.25, 0.5, 1.0, 1, 1, 1, 1, 1]}}\nwidth: 64 * multiple"
    assert widths(table, phi=phi) == [expected] * 4
    assert widths("let: {wide: 16 * 2 ** phi}\nwidth: wide", phi=phi) == [expected] * 4


def test_settings_depend_on_the_level_too():
    settings = "op: {conv: full, kernel: 2 * (l - 3) + 1, order: [conv]}"
    graph = compile_spec(WIDTHS.format(settings=settings, own=""), Options()).layer
    shown = [step_text(step) for n in graph.computed() for step in graph.op(n).steps]
    assert sorted(shown) == ["full1*64", "full3*64", "full5*64", "full7*64"]


def test_width_may_depend_on_the_layer():
    text = WIDTHS.format(settings="k: 1..3", own="").replace("depth: 1\n", "")
    text = text.replace(
        "td(l): {inputs: [in(l), td(l+1)]}", "td(l, k): {inputs: [in(l)], width: 8 * k}"
    )
    graph = compile_spec(text, Options()).layer
    assert [graph.op(f"p4_td{k}").width for k in (1, 2, 3)] == [8, 16, 24]


def test_width_the_same_is_that_of_what_comes():
    text = WIDTHS.format(settings="op: none", own="").replace(
        "[in(l), td(l+1)]", "[in(l)], width: same"
    )
    network = compile_spec(text, Options()).network
    assert network.output_widths() == {3: 40, 4: 112, 5: 320, 6: 64}


@pytest.mark.parametrize(
    ("settings", "layers", "depth"),
    [
        ("k: 1..depth\ndepth: 3", 3, 1),
        ("k: 1..3\ndepth: 5", 3, 1),
        ("k: 1..depth + 1\ndepth: 2", 3, 1),
        ("k: 1..phi + 2", 2, 1),
        ("k: 1..depth", 3, 1),
        ("depth: 4", 0, 4),
        ("depth: 3 + phi", 0, 3),
    ],
)
def test_layers_are_counted_by_k_or_repeated_by_depth(settings, layers, depth):
    text = WIDTHS.format(settings=settings, own="").replace("depth: 1\n", "")
    if layers:
        text = text.replace("td(l): {inputs: [in(l), td(l+1)]}", "td(l, k): [in(l), td(l, k-1)]")
    topology = compile_spec(text, Options()).topology
    assert (topology.layers, topology.depth) == (layers, depth)


def test_heads_take_outputs_of_several_widths():
    found = compile_spec(WIDTHS.format(settings="width: 16 * (l - 2)", own=""), Options())
    assert found.network.output_widths() == {3: 16, 4: 32, 5: 48, 6: 64}
    adapters = "[nn.Identity(), Adapter(32, 16), Adapter(48, 16), Adapter(64, 16)]"
    assert adapters in " ".join(found.source.split())
