"""One bad spec for each fault: where it is reported, and that nothing else is.

A case is YAML text whose offending lines end in `# <- CODE TEXT | WORDS`: the code, the text under
the caret (`TEXT@9` where it stands in column 9 and is not the first of the line), and what the
message, its label or its help must say. Keys that a case leaves out are filled in below it.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from fpncompiler.diagnostics import Diagnostic, SpecError
from fpncompiler.pipeline import Options, compile_spec
from fpncompiler.spec.reading import Levels

ROOT = Path(__file__).parents[2]
MARKER = re.compile(r"(F\d{3}) (\S+?)(?:@(\d+))? \| ([^;]+)")
TOPOLOGY = {
    "fpnc": "fpnc: 1",
    "name": "name: mine",
    "levels": "levels: 3..7",
    "nodes": "nodes:\n  td(l): [in(l), td(l+1)]",
    "outputs": "outputs: td",
}
MODEL = {"fpnc": "fpnc: 1", "model": "model: lab", "backbone": "backbone: tf_efficientnet_b0"}


@dataclass(frozen=True)
class Expected:
    code: str
    line: int
    column: int
    words: str


def case(name: str, text: str, *, without: str = "", **options):
    """A case whose fault is in the topology; `without` names keys that are not filled in."""
    return pytest.param(_filled(text, TOPOLOGY, without), options, id=name)


def _filled(text: str, base: dict[str, str], without: str) -> str:
    text = text.lstrip("\n")
    given = {*re.findall(r"^(\w+):", text, re.MULTILINE), *without.split()}
    missing = [line for key, line in base.items() if key not in given]
    return "\n".join([text.rstrip("\n"), *missing, ""])


def expected_in(text: str) -> list[Expected]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        content, _, marker = line.partition("# <- ")
        for code, token, column, words in MARKER.findall(marker):
            place = int(column) if column else content.index(token) + 1
            assert content.startswith(token, place - 1), line
            found.append(Expected(code, number, place, words.strip()))
    return found


def faults(spec: str | Path, **options) -> tuple[Diagnostic, ...]:
    with pytest.raises(SpecError) as caught:
        compile_spec(spec, Options(**options))
    assert re.search(r"error\[F\d{3}\]: ", str(caught.value))
    return caught.value.diagnostics


def check(found: tuple[Diagnostic, ...], expected: list[Expected]) -> None:
    places = [(d.code, d.span and (d.span.line, d.span.column)) for d in found]
    assert sorted(places) == sorted((e.code, (e.line, e.column)) for e in expected)
    for one in expected:
        said = next(
            f"{d.message} {d.label} {d.help}"
            for d in found
            if d.span and (d.code, d.span.line, d.span.column) == (one.code, one.line, one.column)
        )
        assert one.words in said


YAML_CASES = [
    case("mapping_in_a_plain_scalar", "source: a: b  # <- F101 :@10 | mapping values"),
    case("wrong_indentation", "nodes:\n  td(l): [in(l)]\n up: nearest  # <- F101 up | expected"),
    case("tag", "title: !!str BiFPN  # <- F104 !!str | a tag"),
    case("python_tag", "title: !!python/name:os.system x  # <- F104 !!python | a tag"),
    case("anchor", "title: &a BiFPN  # <- F104 &a | an anchor"),
    case("alias", "source: *a  # <- F104 *a | an alias"),
    case("merge_key", "op:\n  <<: {kernel: 3}  # <- F104 << | merge keys"),
    case("mapping_as_a_key", "op: {{a: 1}: 3}  # <- F104 {@6 | a key must be a word"),
    case("second_document", "name: mine\n---  # <- F104 --- | a second document"),
    case("nested_too_deep", f"op: {'[' * 40}  # <- F105 [@36 | nested more than 32"),
    case("duplicate_key", "name: mine\nname: yours  # <- F106 name | line 1"),
    case(
        "duplicate_family",
        "nodes:\n  td(l): [in(l)]\n  td(l): [in(l), in(l)]  # <- F106 td(l) | line 2",
    ),
]

LANGUAGE_CASES = [
    case("unknown_key", "node: {}  # <- F201 node | did you mean `nodes`?"),
    case(
        "unknown_key_of_a_node",
        "nodes:\n  td(l): {input: [in(l)]}  # <- F201 input | `inputs`;F202 td(l) | no inputs",
    ),
    case("unknown_key_of_fusion", "fusion: {kinds: sum}  # <- F201 kinds | `kind`"),
    case("unknown_key_of_op", "op: {kernal: 3}  # <- F201 kernal | `kernel`"),
    case("unknown_key_of_norm", "norm: {epsilon: 1}  # <- F201 epsilon | `eps`"),
    case("no_version", "name: mine  # <- F202 name | fpnc: 1", without="fpnc"),
    case("no_name", "fpnc: 1  # <- F202 fpnc | `name`", without="name"),
    case("no_levels", "fpnc: 1  # <- F202 fpnc | `levels`", without="levels"),
    case("no_outputs", "fpnc: 1  # <- F202 fpnc | `outputs`", without="outputs"),
    case("no_nodes", "fpnc: 1  # <- F202 fpnc | `nodes`", without="nodes"),
    case("empty_nodes", "nodes: {}  # <- F202 { | `nodes`"),
    case("node_without_level", "nodes:\n  td: [in(3)]  # <- F202 td | td(l)"),
    case("node_without_inputs", "nodes:\n  td(l): []  # <- F202 td(l) | no inputs"),
    case("node_with_settings_alone", "nodes:\n  td(l): {up: nearest}  # <- F202 td(l) | no inputs"),
    case("levels_backwards", "levels: 7..3  # <- F203 7..3 | a range such as `3..7`"),
    case("levels_too_coarse", "levels: 3..13  # <- F203 3..13 | at most 12"),
    case("levels_as_a_list", "levels: [3, 7]  # <- F203 [ | a range such as `3..7`"),
    case("width_not_whole", "width: 64.5  # <- F203 64.5 | `width` is 64.5"),
    case(
        "width_not_whole_by_formula",
        "width: {formula: 64.5 * 3}  # <- F203 64.5 | `width` is 193.5",
    ),
    case("width_zero", "width: 0  # <- F203 0 | `width` is 0"),
    case("width_too_large", "width: 8193  # <- F203 8193 | from 1 to 8192"),
    case(
        "width_of_a_node",
        "nodes:\n  td(l): {inputs: [in(l), in(l)], width: -1}  # <- F203 -1 | `width` is -1",
    ),
    case("depth_too_large", "depth: 65  # <- F203 65 | from 1 to 64"),
    case("depth_as_a_list", "depth: [3]  # <- F203 [ | `depth` is a number"),
    case(
        "keep_quoted",
        'nodes:\n  td(l): {inputs: [in(l), in(l)], keep: "true"}'
        '  # <- F203 "true" | `keep` is `true` or `false`',
    ),
    case("redundant_bias_yes", "redundant_bias: yes  # <- F203 yes | `true` or `false`"),
    case("even_kernel", "op: {kernel: 4}  # <- F203 4 | odd"),
    case("order_without_conv", "op: {order: [act, norm]}  # <- F203 [ | `conv` once"),
    case("order_twice", "op: {order: [conv, act, act]}  # <- F203 [ | at most once"),
    case("unknown_short_op", "op: conv5x5  # <- F203 conv5x5 | `conv3x3`"),
    case("fusion_as_a_list", "fusion: [sum]  # <- F203 [ | `fusion` is a word or a mapping"),
    case(
        "negative_eps",
        "fusion: {kind: fast_normalized, eps: -1}  # <- F203 -1 | `fusion.eps` is -1",
    ),
    case("adapters_as_a_number", "adapters: 3  # <- F203 3 | `adapters` is a mapping"),
    case("title_as_a_list", "title: [BiFPN]  # <- F203 [ | `title` is a text"),
    case("passes_as_a_mapping", "passes: {prune: true}  # <- F203 { | `passes` is a list"),
    case("outputs_as_a_mapping", "outputs: {td: 3}  # <- F203 { | `outputs` is a list"),
    case(
        "level_twice",
        "nodes:\n  td(l): [in(l)]\n  g(4): {inputs: [in(4)], level: 5}"
        "  # <- F203 5 | says its level already",
    ),
    case("table_as_a_number", "width: {published: 3}  # <- F203 3 | a list over phi"),
    case(
        "unknown_family",
        "nodes:\n  td(l): [in(l), tb(l+1)]  # <- F204 tb(l+1) | did you mean `td`?",
    ),
    case("unknown_node_by_name", "nodes:\n  td(l): [in(l), gp]  # <- F204 gp | `gp`, which is not"),
    case("unknown_output", "outputs: out  # <- F204 out@10 | `out`, which is not defined"),
    case("unknown_of_outputs", "outputs: [td, out(3)]  # <- F204 out(3) | `out`"),
    case("keyword", "nodes:\n  td(l): [in(l)]\n  class(l): [td(l)]  # <- F205 class(l) | `class`"),
    case("builtin", "nodes:\n  td(l): [in(l)]\n  list(l): [td(l)]  # <- F205 list(l) | `list`"),
    case(
        "module_attribute",
        "nodes:\n  td(l): [in(l)]\n  forward(l): [td(l)]"
        "  # <- F205 forward(l) | means something in Python or PyTorch",
    ),
    case("upper_case", "nodes:\n  td(l): [in(l)]\n  P(l): [td(l)]  # <- F205 P(l) | lower-case"),
    case(
        "non_ascii_name",
        "nodes:\n  td(l): [in(l)]\n  é(l): [td(l)]  # <- F206 é(l) | declares no node",
    ),
    case(
        "double_underscore",
        "nodes:\n  td(l): [in(l)]\n  a__b(l): [td(l)]  # <- F205 a__b(l) | double",
    ),
    case(
        "adapter_name",
        "nodes:\n  td(l): [in(l)]\n  a_to_b(l): [td(l)]  # <- F205 a_to_b(l) | adapters",
    ),
    case("input_declared", "nodes:\n  td(l): [in(l)]\n  in(l): [td(l)]  # <- F205 in(l) | `in`"),
    case("name_with_a_slash", "name: ../mine  # <- F205 ../mine | the name of a topology"),
    case("name_too_long", f"name: {'x' * 49}  # <- F205 {'x' * 49} | 48 characters"),
    case("not_a_reference", "nodes:\n  td(l): [in(l), td+1]  # <- F206 td+1 | not a reference"),
    case(
        "not_a_level", "nodes:\n  td(l): [in(l), td(2*l)]  # <- F206 td(2*l) | `2*l` is not a level"
    ),
    case(
        "range_backwards", "nodes:\n  td(l): [in(l+1..l-1)]  # <- F206 in(l+1..l-1) | not a level"
    ),
    case("list_as_an_input", "nodes:\n  td(l): [[in(l)], in(l)]  # <- F206 [@11 | a reference"),
    case(
        "declares_no_node",
        "nodes:\n  td(l): [in(l)]\n  td[4]: [in(4)]  # <- F206 td[4] | declares no node",
    ),
    case(
        "declared_at_no_level", "nodes:\n  td(l): [in(l)]\n  up(k): [in(4)]  # <- F206 up(k) | `k`"
    ),
    case(
        "family_without_level", "nodes:\n  td(l): [in(l)]\n  up(l): [td]  # <- F206 td | say which"
    ),
    case("output_with_l", "outputs: [td(l)]  # <- F206 td(l) | an output has no `l`"),
    case("unknown_fusion", "fusion: softmx  # <- F207 softmx | did you mean `softmax`?"),
    case(
        "unknown_granularity",
        "fusion: {kind: softmax, granularity: row}  # <- F207 row | `channel`",
    ),
    case("unknown_activation", "activation: swish  # <- F207 swish | activation"),
    case("unknown_convolution", "op: {conv: depthwise}  # <- F207 depthwise | `separable`"),
    case("unknown_step", "op: {order: [conv, bn]}  # <- F207 bn | `norm`"),
    case("unknown_up", "up: linear  # <- F207 linear | `bilinear`"),
    case("unknown_down", "down: avg_pool  # <- F207 avg_pool | `max_pool`"),
    case("unknown_padding", "padding: valid  # <- F207 valid | `same`"),
    case(
        "unknown_pass",
        "passes: [prune_single_inputs]  # <- F207 prune_single_inputs | `prune_single_input`",
    ),
    case(
        "node_declared_twice",
        "nodes:\n  td(l): [in(l)]\n  td(4): [in(4)]  # <- F208 td(4) | `p4_td` is declared twice",
    ),
    case(
        "node_named_like_another",
        "nodes:\n  td(l): [in(l)]\n  p4_td: {level: 4, inputs: [in(4)]}"
        "  # <- F208 p4_td | declared twice",
    ),
    case(
        "family_declared_twice",
        "nodes:\n  td(l): [in(l)]\n  td( l ): [in(l)]  # <- F208 td( | declared twice",
    ),
    case("unknown_version", "fpnc: 2  # <- F209 2 | `fpnc: 1`"),
    case("unknown_parent", "extends: bifpm  # <- F210 bifpm | did you mean `bifpn`?"),
    case("parent_by_path", "extends: ../panet  # <- F210 ../panet | the name of a spec"),
    case("parent_as_a_list", "extends: [panet]  # <- F210 [ | the name of a spec"),
    case("model_as_a_list", "model: [efficientdet]  # <- F203 [ | `model`"),
]

GRAPH_CASES = [
    case("input_as_output", "outputs: in  # <- F305 in@10 | what the layer is given"),
    case(
        "two_families_at_a_level",
        "nodes:\n  td(l): [in(l)]\n  x(4): [in(4)]\n"
        "outputs: [td, x(4)]  # <- F304 x(4) | level 4 has two outputs",
    ),
    case("coarser_than_the_image", "levels: 3..10  # <- F404 3..10 | stride 1024"),
    case(
        "node_reads_itself", "nodes:\n  td(l): [in(l), td(l)]  # <- F301 td(l)@18 | p3_td -> p3_td"
    ),
    case(
        "circle_of_two",
        "nodes:\n  td(l): [in(l), up(l)]  # <- F301 up(l) | circle\n  up(l): [td(l), in(l)]",
    ),
    case(
        "node_beyond_the_levels",
        "nodes:\n  td(l): [in(l)]\n  g(8): [td(3)]  # <- F302 g(8) | level 8",
    ),
    case(
        "level_beyond_the_levels",
        "nodes:\n  td(l): [in(l)]\n  g: {level: 2, inputs: [td(3)]}  # <- F302 g | level 2",
    ),
    case("reads_beyond_the_levels", "nodes:\n  td(l): [in(l), in(8)]  # <- F302 in(8) | level 8"),
    case(
        "reads_backbone_beyond",
        "nodes:\n  td(l): [in(l), backbone(6)]"
        "  # <- F302 backbone(6) | nodes at the levels 3, 4, 5",
    ),
    case("output_beyond_the_levels", "outputs: [td(2)]  # <- F302 td(2) | level 2"),
    case(
        "relative_level_of_one_node",
        "nodes:\n  g(4): [in(4)]\n  td(l): [in(l), g(l)]  # <- F302 g(l) | where `g` has no node",
    ),
    case("left_without_inputs", "nodes:\n  td(l): [td(l+1)]  # <- F303 td(l)@3 | `p7_td`"),
    case("two_outputs_of_a_level", "outputs: [td, td(4)]  # <- F304 td(4) | `p4_td` twice"),
    case("output_levels_missing", "depth: 2\noutputs: [td(3), td(4)]  # <- F304 [ | level 5, 6, 7"),
    case("no_output_at_all", "outputs: []  # <- F202 [ | `outputs`"),
    case(
        "backbone_lacks_the_finest", "levels: 0..7  # <- F401 0..7 | has the levels 1, 2, 3, 4, 5"
    ),
    case("backbone_ends_before", "levels: 6..8  # <- F401 6..8 | lacks levels of 6..8"),
    case(
        "outputs_of_two_widths",
        "nodes:\n  td(l): [in(l), td(l+1)]\n"
        "  g(4): {inputs: [td(4), in(4)], width: 32}\ndepth: 1\n"
        "outputs: [td(3), g(4)]  # <- F403 [ | 32 at level 4",
    ),
    case("unknown_model", "model: efficientdet2  # <- F501 efficientdet2 | `efficientdet`"),
    case("formula_with_a_name", "width: 64 * psi  # <- F504 64 | `psi` is unknown in a formula"),
    case("formula_by_zero", "depth: 3 / phi  # <- F504 3 | division by zero"),
    case("formula_not_finite", "width: .inf  # <- F504 .inf | neither a number nor a formula"),
    case("formula_too_large", "width: 9 ** 60  # <- F504 9 | 2**31"),
]

SEVERAL_CASES = [
    case(
        "several_faults_are_all_reported",
        """
levels: 3..7
widht: 64  # <- F201 widht | `width`
depth: 0  # <- F203 0 | `depth` is 0
fusion: softmx  # <- F207 softmx | `softmax`
nodes:
  td(l): [in(l), tb(l+1)]  # <- F204 tb(l+1) | `tb`
  out(l): [td(l), out(l-1), in(9)]  # <- F302 in(9) | level 9
  Out(l): [td(l)]  # <- F205 Out(l) | lower-case
  g(9): [td(3)]  # <- F302 g(9) | level 9
  h(l): [td(l+*)]  # <- F206 td(l+*) | not a level
  class(4): [in(4)]  # <- F205 class(4) | `class`
outputs: [out, bu]  # <- F204 bu | `bu`
""",
    ),
    case(
        "a_broken_node_is_not_blamed_on_its_readers",
        """
nodes:
  td(l): [in(l)]
  g: [td(3)]  # <- F202 g | level
  h(l): {inputs: []}  # <- F202 h(l) | no inputs
  k(l): [g, h(l), td(l)]
  m(l): [h(*), g(3), nothing(3)]  # <- F204 nothing(3) | `nothing`
outputs: [h]
depth: 1
""",
    ),
    case(
        "all_duplicates_are_reported",
        """
fpnc: 1
title: a
title: b  # <- F106 title | line 2
nodes:
  td(l): [in(l)]
  td(l): [in(l)]  # <- F106 td(l) | line 5
fpnc: 1  # <- F106 fpnc | line 1
""",
    ),
]


@pytest.mark.parametrize(
    ("text", "options"), YAML_CASES + LANGUAGE_CASES + GRAPH_CASES + SEVERAL_CASES
)
def test_fault_is_reported_once_at_its_place(text, options):
    assert expected_in(text)
    check(faults(text, **options), expected_in(text))


@pytest.mark.parametrize(
    "text",
    [c.values[0] for c in YAML_CASES + LANGUAGE_CASES + GRAPH_CASES if not c.marks],
    ids=[c.id for c in YAML_CASES + LANGUAGE_CASES + GRAPH_CASES if not c.marks],
)
def test_caret_covers_the_marked_text(text):
    tokens = [(m[0], m[1]) for m in MARKER.findall(text)]
    lines = text.splitlines()
    for found in faults(text):
        assert found.span
        covered = lines[found.span.line - 1][found.span.column - 1 : found.span.end_column - 1]
        assert any(c == found.code and (t in covered or covered in t) for c, t in tokens)


def model_case(name: str, text: str, *, spec: str = "", without: str = "", **options):
    """A case whose fault is in the model `lab`."""
    return pytest.param(_filled(text, MODEL, without), spec, options, id=name)


MODEL_CASES = [
    model_case(
        "variant_of_nothing",
        "variants:\n  a: {extends: b}  # <- F503 b} | names no variant",
        variant="a",
    ),
    model_case(
        "variant_with_a_path",
        'variants:\n  "../../evil": {phi: 0}  # <- F205 "../../evil" | cannot be',
        variant="../../evil",
    ),
    model_case("empty_channels", "backbone: {name: x, channels: {}}  # <- F203 {} | says nothing"),
    model_case(
        "list_without_a_row", "depth: {published: [1]}  # <- F502 { | no row\nphi: 0..7", phi=3
    ),
    model_case("no_contrast", "image: {std: [0, 1, 1]}  # <- F203 0, | from 0.001"),
    model_case("unknown_key", "head: {}  # <- F201 head | `heads`"),
    model_case("unknown_key_of_heads", "heads: {class: 3}  # <- F201 class | `classes`"),
    model_case("unknown_key_of_anchors", "anchors: {scales: 3}  # <- F201 scales | `scale`"),
    model_case(
        "unknown_key_of_backbone",
        "backbone: {names: b}  # <- F201 names | `name`;F202 {@11 | does not name its backbone",
    ),
    model_case("unknown_key_of_override", "override: {width: 3}  # <- F201 width | width"),
    model_case("no_backbone", "fpnc: 1  # <- F202 fpnc | its backbone", without="backbone"),
    model_case("empty_backbone", "backbone: {}  # <- F202 { | its backbone"),
    model_case("classes_zero", "heads: {classes: 0}  # <- F203 0 | `heads.classes` is 0"),
    model_case(
        "resolution_of_three",
        "resolution: [1, 2, 3]  # <- F203 1 | is 1; F203 2 | is 2;"
        " F203 3 | is 3; F203 [ | one number or",
    ),
    model_case("mean_of_two", "image: {mean: [0.5, 0.5]}  # <- F203 [ | three numbers"),
    model_case(
        "aspect_of_three",
        "anchors:\n  aspect_ratios: [[1, 2, 3]]  # <- F203 [@19 | [width, height]",
    ),
    model_case("aspect_zero", "anchors: {aspect_ratios: [0]}  # <- F203 0 | an aspect ratio is 0"),
    model_case("backbone_url", "backbone: hf_hub:x/y  # <- F203 hf_hub:x/y | a timm model"),
    model_case(
        "channels_as_a_list",
        "backbone: {name: b, taps: {3: 1}, channels: [3]}  # <- F203 [ | `backbone.channels`",
    ),
    model_case("override_as_a_word", "override: sum  # <- F203 sum | `override` is a mapping"),
    model_case("heads_read_no_output", "heads: {levels: 2..3}  # <- F304 { | level 2"),
    model_case("unknown_backbone", "backbone: resnet5  # <- F402 resnet5 | `resnet"),
    model_case(
        "backbone_with_a_hole",
        "backbone:\n  {name: own, channels: {3: 40, 5: 80}, taps: {3: 2, 5: 4}}",
        spec="levels: 3..7  # <- F401 3..7 | has the levels 3, 5",
    ),
    model_case(
        "scales_and_levels_differ",
        "anchors: {scale: [3, 4]}\nheads: {depth: 3}  # <- F403 { | 2 anchor scales for 5 levels",
    ),
    model_case("phi_out_of_range", "phi: 0..3  # <- F502 0..3 | phi 4 is out of range", phi=4),
    model_case("negative_phi", "phi: 0..3  # <- F502 0..3 | phi -1 is out of range", phi=-1),
    model_case(
        "phi_of_a_variant",
        "variants:\n  tiny: {phi: 1..2}  # <- F502 1..2 | `tiny`",
        variant="tiny3",
    ),
    model_case(
        "unknown_variant", "variants:\n  tiny: {phi: 3}  # <- F503 tiny | `tiny`?", variant="tin"
    ),
    model_case(
        "variants_in_a_circle",
        "variants:\n  a: {extends: b}\n  b: {extends: a}  # <- F503 a@16 | extends itself\n",
        variant="a",
    ),
    model_case(
        "unknown_key_of_a_variant",
        "variants:\n  t: {wdith: 3}  # <- F201 wdith | `width`",
        variant="t",
    ),
    model_case("unknown_version", "fpnc: 3  # <- F209 3 | version"),
    model_case("phi_as_a_word", "phi: many  # <- F203 many | `phi`"),
]


@pytest.mark.parametrize(("text", "spec", "options"), MODEL_CASES)
def test_fault_of_a_model_is_reported_at_its_place(text, spec, options, tmp_path):
    topology = _filled(spec, TOPOLOGY, "")
    (tmp_path / "models").mkdir()
    (tmp_path / "models/lab.yaml").write_text(text)
    (tmp_path / "mine.yaml").write_text(topology)
    expected = expected_in(text) + expected_in(topology)
    assert expected
    check(faults(tmp_path / "mine.yaml", model="lab", **options), expected)


BYTES_CASES = {
    "empty": (b"", "F103", (1, 1), "empty"),
    "comment": (b"# nothing\n", "F103", (1, 1), "empty"),
    "null": (b"null\n", "F103", (1, 1), "empty"),
    "list": (b"- a\n- b\n", "F103", (1, 1), "not a mapping"),
    "word": (b"\n  words\n", "F103", (2, 3), "not a mapping"),
    "latin1": (b"fpnc: 1\nname: caf\xe9\n", "F102", (2, 10), "UTF-8"),
    "utf16": ("fpnc: 1".encode("utf-16"), "F102", (1, 1), "UTF-8"),
    "byte_order_mark": (b"\xef\xbb\xbffpnc: 1\n", "F102", (1, 1), "ufeff"),
    "escape": (b"fpnc: 1\nname: a\x1b[31m\n", "F102", (2, 8), "x1b"),
    "nul": (b"fpnc: 1\x00\n", "F102", (1, 8), "x00"),
    "bidi": ("fpnc: 1\ntitle: \u202eb\n".encode(), "F102", (2, 8), "u202e"),
    "unclosed": (b"fpnc: 1\nlevels: [3\n", "F101", (3, 1), "expected"),
    "tab": (b"op:\n\tkernel: 3\n", "F101", (2, 1), "cannot start any token"),
    "quote": (b'fpnc: 1\ntitle: "a\n', "F101", (3, 1), "end of stream"),
    "directive": (b"%YAML 1.1\n---\nfpnc: 1\n", "F104", (1, 1), "a directive"),
    "large": (b"a" * (4 << 20) + b"\n", "F105", (1, 1), "bytes"),
}


@pytest.mark.parametrize("name", BYTES_CASES)
def test_file_that_is_no_spec_is_refused(name, tmp_path):
    data, code, place, words = BYTES_CASES[name]
    path = tmp_path / "mine.yaml"
    path.write_bytes(data)
    (found,) = faults(path)
    assert found.span
    assert (found.code, (found.span.line, found.span.column)) == (code, place)
    assert words in found.message + found.help


def test_too_many_nodes_are_refused_before_they_are_built():
    nodes = "\n".join(f"  n{i}(l): [in(l), in(l)]" for i in range(4001))
    (found,) = faults(_filled(f"nodes:\n{nodes}\noutputs: n0", TOPOLOGY, ""))
    assert (found.code, found.message) == (
        "F505",
        "the spec declares 20005 nodes; 20000 are allowed",
    )


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"backbone": "resnet5000"}, "F402", "resnet5000"),
        ({"classes": 0}, "F203", "0 classes"),
        ({"levels": Levels(0, 7)}, "F401", "0..7"),
        ({"model": "efficientdat"}, "F501", "`efficientdet`"),
        ({"variant": "d8"}, "F502", "phi 8"),
        ({"variant": "d7y"}, "F503", "`d7`"),
    ],
)
def test_fault_of_the_command_line_is_reported(options, code, words):
    (found,) = faults(_filled("", TOPOLOGY, ""), **options)
    assert found.code == code
    assert words in f"{found.message} {found.help}"


def test_extends_in_a_circle_is_refused(tmp_path):
    for name, parent in [("a", "b"), ("b", "c"), ("c", "a")]:
        (tmp_path / f"{name}.yaml").write_text(f"fpnc: 1\nname: {name}\nextends: {parent}\n")
    (found,) = faults(tmp_path / "a.yaml")
    assert found.code == "F210"
    assert "`a` extends itself" in found.message


def test_fault_of_a_parent_is_shown_in_its_own_file(tmp_path):
    (tmp_path / "base.yaml").write_text("fpnc: 1\nname: base\nnodes:\n  td(l): [im(l)]\n")
    (tmp_path / "mine.yaml").write_text("extends: base\nlevels: 3..7\noutputs: td\n")
    (found,) = faults(tmp_path / "mine.yaml")
    assert found.span
    assert (Path(found.span.file).name, found.span.line, found.span.column) == ("base.yaml", 4, 11)


def test_every_code_of_the_sources_has_a_case():
    sources = [p.read_text() for p in sorted((ROOT / "fpncompiler").rglob("*.py"))]
    emitted = {code for text in sources for code in re.findall(r'"(F\d{3})"', text)}
    cases = YAML_CASES + LANGUAGE_CASES + GRAPH_CASES + MODEL_CASES
    covered = {e.code for c in cases for e in expected_in(c.values[0])}
    covered |= {row[1] for row in BYTES_CASES.values()} | {"F505"}
    assert emitted <= covered, f"no bad spec for {sorted(emitted - covered)}"
    assert covered <= emitted, f"no source emits {sorted(covered - emitted)}"


LEVELS = {"superscript": "\u00b2", "arabic": "\u0664", "long": "9" * 900, "longest": "9" * 5000}


@pytest.mark.parametrize("level", ["superscript", "arabic", "long", "longest"])
def test_reference_to_no_small_level_is_refused(level):
    text = f"nodes:\n  td(l): [in(l), 'td({LEVELS[level]})']"
    assert [d.code for d in faults(_filled(text, TOPOLOGY, ""))] == ["F206"]


@pytest.mark.parametrize(
    "level",
    [
        "arabic",
        "long",
        "superscript",
        "longest",
    ],
)
def test_declaration_at_no_small_level_is_refused(level):
    text = f"nodes:\n  td(l): [in(l)]\n  ? up({LEVELS[level]})\n  : [in(4)]"
    assert [d.code for d in faults(_filled(text, TOPOLOGY, ""))] == ["F206"]
