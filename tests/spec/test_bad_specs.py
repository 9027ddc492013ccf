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
    case("unknown_short_op", "op: conv5x5  # <- F207 conv5x5 | did you mean `conv1x1`?"),
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
    case("unknown_convolution", "op: {conv: grouped}  # <- F207 grouped | `separable`"),
    case("unknown_step", "op: {order: [conv, bn]}  # <- F207 bn | `norm`"),
    case("unknown_up", "up: linear  # <- F207 linear | `bilinear`"),
    case("unknown_down", "down: min_pool  # <- F207 min_pool | `max_pool`"),
    case("unknown_padding", "padding: valid  # <- F207 valid | `same`"),
    case(
        "unknown_pass",
        "passes: [prune_single_inputs]  # <- F207 prune_single_inputs | `prune_single_input`",
    ),
    case(
        "node_declared_twice_the_other_way_around",
        "nodes:\n  p4_gp: {level: 4, inputs: [in(4)]}  # <- F208 p4_gp | is declared twice\n"
        "  gp(4): [in(4)]\n  td(l): [in(l)]",
    ),
    case(
        "name_declared_twice",
        "nodes:\n  td(l): [in(l)]\n  gp: {level: 4, inputs: [in(4)]}\n"
        "  gp: {level: 5, inputs: [in(5)]}  # <- F106 gp | line 3",
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
    case(
        "family_declared_twice_by_a_child",
        "extends: panet\nnodes:\n  td(l): [in(l)]\n  td( l ): [in(l)]"
        "  # <- F208 td( | declared twice",
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
    case("unknown_model", "model: efficientdet2  # <- F501 efficientdet2 | `efficientdet`"),
    case("formula_with_a_name", "width: 64 * psi  # <- F504 64 | `psi` is unknown in a formula"),
    case("formula_by_zero", "depth: 3 / phi  # <- F504 3 | division by zero"),
    case("formula_not_finite", "width: .inf  # <- F504 .inf | neither a number nor a formula"),
    case("formula_too_large", "width: 9 ** 60  # <- F504 9 | 2**31"),
]

X = "nodes:\n  td(l): [in(l)]\n  x(4): "
K = "depth: 3\nk: 1..depth\noutputs: f\nnodes:\n"

DECLARATION_CASES = [
    case(
        "ranges_overlap",
        "outputs: f\nnodes:\n  f(3..5): [in(l)]\n  f(4..6): [in(l)]"
        "  # <- F208 f(4..6) | at level 4 is declared twice",
    ),
    case(
        "neither_is_more_special",
        K + "  f(3, k): [in(l)]\n  f(l, 1): [in(l)]  # <- F208 f(l, | level 3, layer 1",
    ),
    case(
        "parities_and_ranges_overlap",
        K + "  f(l, k odd): [in(l)]\n  f(l, 1..2): [in(l)]"
        "  # <- F208 f(l, | `f(l, k odd)` declares it too",
    ),
    case(
        "with_and_without_a_layer",
        K + "  f(l, k): [in(l)]\n  f(l): [in(l)]"
        "  # <- F208 f(l) | both with a layer index and without",
    ),
    case(
        "layer_index_without_k",
        "outputs: f\nnodes:\n  f(l, k): [in(l), f(l, k-1)]  # <- F202 f(l, | add `k: 1..depth`",
    ),
    case(
        "layer_index_of_the_prologue",
        "prologue:\n  in(l, k): [backbone(5)]  # <- F202 in(l, | does not say `k`",
    ),
    case("unknown_layer_index", K + "  f(l, j): [in(l)]  # <- F206 f(l, | `j` is no index"),
    case("parity_without_k", K + "  f(l, even): [in(l)]  # <- F206 f(l, | `k even`"),
    case("layers_backwards", K + "  f(l, 3..2): [in(l)]  # <- F206 f(l, | `3..2` is no index"),
    case(
        "declared_levels_backwards",
        "outputs: f\nnodes:\n  f(5..3): [in(l)]  # <- F206 f(5..3) | `5..3` is no index",
    ),
    case(
        "declared_at_open_ends",
        "outputs: f\nnodes:\n  f(..): [in(l)]  # <- F206 f(..) | `..` is no index",
    ),
    case(
        "declared_at_a_neighbour",
        "outputs: f\nnodes:\n  f(l+1): [in(l)]  # <- F206 f(l+1) | `l+1` is no index",
    ),
    case(
        "declared_level_too_coarse",
        "outputs: f\nnodes:\n  f(13): [in(l)]  # <- F206 f(13) | up to 12",
    ),
    case(
        "declared_range_beyond_the_levels",
        "nodes:\n  td(l): [in(l)]\n  f(9..): [in(l)]  # <- F302 f(9..) | level 9 is outside",
    ),
    case(
        "declared_range_before_the_levels",
        "nodes:\n  td(l): [in(l)]\n  f(..2): [in(l)]  # <- F302 f(..2) | level 2 is outside",
    ),
    case(
        "declared_layer_beyond_the_layers",
        K + "  f(l, k): [in(l)]\n  f(l, 5): [in(l)]"
        "  # <- F302 f(l, | layer 5 is outside the layers 1..3",
    ),
    case(
        "declared_layer_0",
        K + "  f(l, k): [in(l)]\n  f(l, 0..1): [in(l)]  # <- F302 f(l, | layer 0 is outside",
    ),
    case(
        "k_from_2", "k: 2..3  # <- F203 2..3 | `1..depth`\nnodes:\n  f(l, k): [in(l)]\noutputs: f"
    ),
    case("k_as_a_number", "k: 3  # <- F203 3 | `1..depth`"),
    case("k_as_a_list", "k: [1, 3]  # <- F203 [ | `1..depth`"),
    case("k_to_0", "k: 1..0  # <- F203 1..0 | the end of `k` is 0"),
    case("k_too_deep", "depth: 64\nk: 1..depth + 1  # <- F203 1..depth | from 1 to 64"),
    case("k_with_a_name", "k: 1..layers  # <- F504 1..layers | `layers` is unknown"),
    case("inputs_of_the_network_backwards", "inputs: 5..3  # <- F203 5..3 | `inputs` is a range"),
    case("inputs_of_the_network_as_a_list", "inputs: [3, 4]  # <- F203 [ | `inputs` is a range"),
    case(
        "share_as_a_list",
        "nodes:\n  td(l): {inputs: [in(l)], share: [s]}  # <- F203 [@35 | `share` is a word",
    ),
    case(
        "share_in_capitals",
        "nodes:\n  td(l): {inputs: [in(l)], share: S}  # <- F205 S | lower-case",
    ),
    case("prologue_of_nothing", "prologue: {}  # <- F202 { | no `prologue`"),
    case("prologue_as_a_list", "prologue: [in(6)]  # <- F202 [ | no `prologue`"),
    case(
        "prologue_by_name",
        "prologue:\n  in: {level: 6, inputs: [backbone(5)]}  # <- F206 in | `in(6)`",
    ),
    case(
        "prologue_declares_the_backbone",
        "prologue:\n  backbone(l): [in(5)]  # <- F205 backbone(l) | cannot be declared",
    ),
    case(
        "prologue_beyond_the_inputs",
        "prologue:\n  in(8): {inputs: backbone(5)}  # <- F302 in(8) | level 8",
    ),
    case(
        "prologue_reads_a_node",
        "prologue:\n  in(6..): {inputs: td(5)}  # <- F204 td(5) | `td`, which is not defined",
    ),
    case(
        "prologue_leaves_a_level_out",
        "prologue:\n  in(..5): {inputs: backbone(l)}\nlevels: 3..7  # <- F302 3..7 | gives level 6",
    ),
    case(
        "prologue_begins_in_the_air",
        "prologue:\n  in(6..): {inputs: in(l-1)}  # <- F303 in(6..) | declare `in(6)` by itself",
    ),
]

REFERENCE_CASES = [
    case(
        "family_with_layers",
        K + "  f(l, k): [in(l), f(l)]  # <- F206 f(l)@20 | `f` has a layer index",
    ),
    case(
        "family_without_layers",
        K + "  f(l, k): [in(l, k)]  # <- F206 in(l, | `in` has no layer index",
    ),
    case(
        "relative_to_no_layer",
        K + "  f(l, k): [in(l)]\n  g(l): [f(l, k)]"
        "  # <- F206 f(l, | relative to `k`, which `g` does not have",
    ),
    case(
        "earlier_than_no_layer",
        K + "  f(l, k): [in(l)]\n  g(l): [f(l, 1..k-1)]  # <- F206 f(l, | relative to `k`",
    ),
    case(
        "relative_to_no_layer_by_name",
        K + "  f(l, k): [in(l)]\n  g: {level: 4, inputs: [f(4, k)]}  # <- F206 f(4, | `f(l, last)`",
    ),
    case(
        "layer_that_is_none",
        K + "  f(l, k): [in(l), f(l, first)]  # <- F206 f(l,@20 | `first` is no layer",
    ),
    case("layers_not_from_1", K + "  f(l, k): [in(l), f(l, 2..k)]  # <- F206 f(l,@20 | `1..k-1`"),
    case(
        "layer_beyond_the_layers",
        K + "  f(l, k): [in(l), f(l, 4)]  # <- F302 f(l,@20 | the layers are 1..3",
    ),
    case("layer_0", K + "  f(l, k): [in(l), f(l, 0)]  # <- F302 f(l,@20 | the layers are 1..3"),
    case(
        "level_beyond_in_a_layer",
        K + "  f(l, k): [in(l)]\n  f(l, 2): [f(8, 1)]"
        "  # <- F302 f(8, | levels 3, 4, 5, 6, 7 of layer 1",
    ),
    case(
        "first_layer_without_inputs",
        K + "  f(l, k): [f(l, k-1)]  # <- F303 f(l,@3 | declare `f(l, 1)` by itself",
    ),
    case(
        "all_layers_and_its_own", K + "  f(l, k): [in(l), f(l, 1..k)]  # <- F301 f(l,@20 | circle"
    ),
    case(
        "index_of_a_node_by_name",
        "nodes:\n  g: {level: 4, inputs: [in(4)]}\n  td(l): [in(l), g(4)]"
        "  # <- F206 g(4) | `g` is one node",
    ),
    case(
        "lowest_level_without_inputs", "nodes:\n  td(l): [td(l-1)]  # <- F303 td(l)@3 | `td(4..)`"
    ),
    case(
        "level_between_without_inputs",
        "inputs: 3..5\nnodes:\n  td(l): [in(l)]  # <- F303 td(l) | declare `td(6)` by itself",
    ),
    case(
        "name_without_inputs",
        "nodes:\n  td(l): [in(l)]\n  g: {level: 7, inputs: [td(l+1)]}  # <- F303 g | another level",
    ),
    case(
        "output_relative_to_k",
        K.replace("outputs: f", "outputs: [f(3, k)]  # <- F206 f(3, | no `k`")
        + "  f(l, k): [in(l)]",
    ),
    case(
        "output_of_no_layer",
        K.replace("outputs: f", "outputs: [f(3, 4)]  # <- F302 f(3, | layers are 1..3")
        + "  f(l, k): [in(l)]",
    ),
    case(
        "output_that_the_last_layer_lacks",
        K.replace("outputs: f", "outputs: f  # <- F302 f@10 | no node in the last layer")
        + "  f(l, 1..2): [in(l)]",
    ),
]

STEP_CASES = [
    case(
        "unknown_step_word", "op: [conv1x1, squeeze]  # <- F207 squeeze | a step is a word such as"
    ),
    case("resample_in_op", "op: [resample, conv1x1]  # <- F207 resample | in `via` alone"),
    case("none_among_steps", "op: [conv3x3, none]  # <- F207 none | `none` stands alone"),
    case(
        "list_as_a_step", "op: [[conv1x1]]  # <- F203 [@6 | a step of `op` is a word or a mapping"
    ),
    case("too_many_steps", f"op: [{', '.join(['relu'] * 17)}]  # <- F203 [ | 16 steps at most"),
    case(
        "unknown_key_of_a_step",
        "op: [{conv: full, act: relu}]  # <- F201 act | `op` has no key `act`",
    ),
    case("even_kernel_of_a_step", "op: [{kernel: 2}]  # <- F203 2 | odd"),
    case("kernel_too_large", "op: {kernel: 17}  # <- F203 17 | from 1 to 15"),
    case("stride_of_3", "op: {conv: full, stride: 3}  # <- F203 3 | a power of two"),
    case("stride_of_0", "op: {conv: full, stride: 0}  # <- F203 0 | from 1 to 16"),
    case("stride_too_large", "op: {conv: full, stride: 32}  # <- F203 32 | from 1 to 16"),
    case(
        "unknown_padding_of_a_convolution", "op: {padding: valid}  # <- F207 valid | `none`, `same`"
    ),
    case(
        "stride_without_padding",
        "op: {stride: 2, padding: none}  # <- F203 none | a stride has padding",
    ),
    case(
        "bias_of_a_convolution",
        "op: {bias: maybe}  # <- F203 maybe | `op.bias` is `true` or `false`",
    ),
    case(
        "width_of_a_depthwise_convolution",
        "op: {conv: depthwise, width: 32}  # <- F203 32 | a depthwise convolution keeps",
    ),
    case("width_of_a_step", "op: {conv: full, width: 0}  # <- F203 0 | from 1 to 8192"),
    case("unknown_part", "op: [{order: [bn]}]  # <- F207 bn | `norm`"),
    case(
        "even_kernel_of_a_pool",
        "op: {pool: max, kernel: 4, stride: 2}  # <- F203 4 | odd, or equal to its stride",
    ),
    case("stride_of_a_pool", "op: {pool: max, stride: 3}  # <- F203 3 | the stride of a pool"),
    case("unknown_pool", "op: {pool: mean}  # <- F207 mean | `avg`, `max`"),
    case("unknown_key_of_a_pool", "op: {pool: max, size: 3}  # <- F201 size | `kernel`"),
    case("unknown_up_step", "op: {up: deconv}  # <- F207 deconv | `bilinear`, `nearest`"),
    case("up_by_no_level", "op: {up: nearest, levels: 0}  # <- F203 0 | from 1 to 12"),
    case("unknown_down_step", "op: {down: max}  # <- F207 max | `max_pool`"),
    case(
        "unknown_key_of_a_down_step", "op: {down: max_pool, level: 1}  # <- F201 level | `levels`"
    ),
    case(
        "unknown_padding_of_a_down_step",
        "op: {down: max_pool, padding: zero}  # <- F207 zero | `symmetric`",
    ),
    case("unknown_block", "op: {block: c4f}  # <- F207 c4f | did you mean `c2f`?"),
    case("block_as_a_list", "op: {block: [c2f]}  # <- F203 [ | a word"),
    case("unknown_option_of_a_block", "op: {block: c2f, dept: 3}  # <- F201 dept | `depth`"),
    case(
        "option_of_a_block_out_of_bounds",
        "op: {block: c2f, depth: 0}  # <- F203 0 | `c2f.depth` is 0",
    ),
    case("flag_of_a_block", "op: {block: c2f, shortcut: 1}  # <- F203 1 | `c2f.shortcut`"),
    case(
        "activation_of_a_block", "op: {block: c2f, activation: swish}  # <- F207 swish | activation"
    ),
    case(
        "activation_of_a_block_without",
        "op: {block: l2_norm, activation: relu}  # <- F201 activation | `l2_norm` has no key",
    ),
    case(
        "width_of_a_block_that_keeps_it",
        "op: {block: l2_norm, width: 3}  # <- F203 3 | `l2_norm` keeps the width",
    ),
    case("up_of_no_block", "up: {mode: nearest}  # <- F203 { | `{block: carafe}`"),
    case("up_by_a_block_that_does_not_double", "up: {block: c2f}  # <- F207 c2f | `carafe`"),
    case("up_as_a_list", "up: [nearest]  # <- F203 [ | a word"),
    case(
        "option_of_a_doubling_block",
        "up: {block: carafe, kernel: 0}  # <- F203 0 | `carafe.kernel`",
    ),
    case("down_with_a_stride", "down: {conv: full, stride: 2}  # <- F203 2 | says no `stride`"),
    case("down_with_a_width", "down: {conv: full, width: 3}  # <- F203 3 | says no `width`"),
    case(
        "down_with_a_padding",
        "down: {conv: full, padding: none}  # <- F203 none | says no `padding`",
    ),
    case(
        "down_by_a_pool_of_its_own", "down: {pool: max}  # <- F201 pool | `down` has no key `pool`"
    ),
    case("even_kernel_of_down", "down: {kernel: 4}  # <- F203 4 | `down.kernel` is odd"),
    case("unknown_sharing", "adapters: {sharing: all}  # <- F207 all | `per_edge`"),
    case("unknown_key_of_adapters", "adapters: {share: per_edge}  # <- F201 share | `sharing`"),
    case("unknown_key_of_all_gates", "gate: {bye: last}  # <- F201 bye | `by`"),
    case("all_gates_as_a_word", "gate: last  # <- F203 last | `gate` is a mapping"),
    case("all_gates_by_the_middle", "gate: {by: middle}  # <- F207 middle | `first`, `last`"),
    case(
        "option_of_another_fusion",
        "fusion: {kind: spatial_softmax, eps: 0.5}  # <- F201 eps | `hidden`",
    ),
    case(
        "granularity_of_a_maximum",
        "fusion: {kind: max, granularity: channel}  # <- F203 { | a plain max has no weights",
    ),
    case(
        "granularity_of_nothing",
        "fusion: {granularity: channel}  # <- F203 { | a plain sum has no weights",
    ),
]

INPUT_CASES = [
    case(
        "input_of_an_unknown_kind",
        X + "[{gat: [in(6), in(4)]}, in(4)]  # <- F206 { | did you mean `gate`?",
    ),
    case("edge_from_misspelt", X + "[{form: in(4)}]  # <- F206 { | did you mean `from`?"),
    case("empty_input", X + "[{}]  # <- F206 { | write `{from:"),
    case("edge_from_nowhere", X + "[{via: relu}]  # <- F206 { | an edge with `from`"),
    case(
        "two_fusions_in_one_input",
        X + "[{sum: [in(3)], max: [in(4)]}]  # <- F206 { | a fusion of inputs",
    ),
    case(
        "unknown_key_of_an_edge",
        X + "[{from: in(4), vai: relu}]  # <- F201 vai | did you mean `via`?",
    ),
    case("edge_from_a_list", X + "[{from: [in(4)], via: relu}]  # <- F206 [@17 | a reference"),
    case("edge_from_no_reference", X + "[{from: 3}]  # <- F206 3@17 | not a reference"),
    case(
        "edge_from_an_unknown_node",
        X + "[{from: im(4), via: relu}]  # <- F204 im(4) | did you mean `in`?",
    ),
    case("edge_from_no_level", X + "[{from: in(9), via: relu}]  # <- F302 in(9) | level 9"),
    case(
        "unknown_step_of_an_edge",
        X + "[{from: in(4), via: squeeze}]  # <- F207 squeeze | step of `via`",
    ),
    case(
        "stride_of_an_edge",
        X + "[{from: in(4), via: {stride: 3}}]  # <- F203 3 | the stride of `via`",
    ),
    case(
        "resample_twice",
        X + "[{from: in(4), via: [resample, relu, resample]}]  # <- F203 [@29 | stands once",
    ),
    case("nested_fusion_of_one_word", X + "[{sum: in(3)}]  # <- F203 { | a list of inputs"),
    case("nested_fusion_of_nothing", X + "[{sum: []}]  # <- F203 { | a list of inputs"),
    case(
        "nested_fusion_of_a_mapping",
        X + "[{sum: {a: b}}]  # <- F206 {@16 | an input is a reference",
    ),
    case(
        "unknown_key_of_a_nested_sum",
        X + "[{sum: [in(3), in(4)], pool: max}]  # <- F201 pool | a nested `sum`",
    ),
    case(
        "eps_of_a_nested_maximum",
        X + "[{max: [in(3), in(4)], eps: 0.5}]  # <- F201 eps | a nested `max`",
    ),
    case(
        "eps_of_a_nested_fusion",
        X + "[{softmax: [in(3), in(4)], eps: 2}]  # <- F203 2 | `fusion.eps` is 2",
    ),
    case(
        "nested_gate_by_the_middle",
        X + "[{gate: [in(6), in(4)], by: middle}]  # <- F207 middle | `first`, `last`",
    ),
    case("unknown_node_in_a_nested_fusion", X + "[{sum: [im(4), in(4)]}]  # <- F204 im(4) | `in`"),
    case("no_level_in_a_nested_fusion", X + "[{sum: [{max: [in(9)]}]}]  # <- F302 in(9) | level 9"),
    case("list_in_a_nested_fusion", X + "[{sum: [in(4), [in(5)]]}]  # <- F206 [@24 | a reference"),
    case(
        "nested_fusion_without_inputs", X + "[{sum: [in(l+9)]}]  # <- F303 x(4) | `x(4)` by itself"
    ),
    case("nested_gate_of_one", X + "[{gate: [in(6)]}]  # <- F307 { | one map"),
    case("nested_gate_of_three", X + "[{gate: [in(6), in(5), in(4)]}]  # <- F307 { | 3 maps"),
    case(
        "gate_of_three",
        X + "{inputs: [in(4), in(5), in(6)], fusion: gate}  # <- F307 x(4) | `gate` takes 2",
    ),
    case(
        "gate_of_one_at_the_end",
        "fusion: gate\nnodes:\n  td(l): [in(l), td(l+1)]"
        "  # <- F307 td(l)@3 | a declaration of its own",
    ),
]

SCALING_CASES = [
    case(
        "width_by_layer_without_k",
        "nodes:\n  td(l): {inputs: [in(l)], width: 16 * k}  # <- F504 16 | `k` is unknown",
    ),
    case("width_by_level_too_small", "width: 16 * l - 48  # <- F203 16 | `width` is 0"),
    case(
        "width_of_a_node_as_a_word",
        "nodes:\n  td(l): {inputs: [in(l)], width: wide}  # <- F504 wide | `wide` is unknown",
    ),
    case("let_as_a_list", "let: [a]  # <- F203 [ | `let` is a mapping"),
    case(
        "constant_as_a_list",
        "let: {a: [3]}  # <- F203 [@10 | `a` is a number\nwidth: 8 * a",
    ),
    case("constant_called_phi", "let: {phi: 3}  # <- F205 phi | means something already"),
    case("constant_called_l", "let: {l: 3}  # <- F205 l:@7 | means something already"),
    case("constant_called_k", "let: {k: 3}  # <- F205 k:@7 | means something already"),
    case("constant_called_depth", "let: {depth: 3}  # <- F205 depth | means something already"),
    case("constant_called_max", "let: {max: 3}  # <- F205 max | cannot be the name of a constant"),
    case("constant_in_capitals", "let: {Wide: 3}  # <- F205 Wide | lower-case"),
    case(
        "constant_with_two_underscores", "let: {a__b: 3}  # <- F205 a__b | double\nwidth: 8 * a__b"
    ),
    case("constant_of_an_unknown_name", "let: {a: b}  # <- F504 b | `b` is unknown\nwidth: a * 8"),
    case("constant_of_the_level", "let: {a: 8 * l}  # <- F504 8 | `l` is unknown"),
    case("constant_by_zero", "let: {a: 1 / 0}  # <- F504 1 | division by zero\nwidth: a"),
    case("constant_too_large", "let: {a: 1e12}  # <- F504 1e12 | exceeds"),
]

NETWORK_CASES = [
    case(
        "steps_from_below_level_0",
        "levels: 0..5\ninputs: 3..5\nnodes:\n  td(l): {inputs: [in(*)], op: {stride: 2}}"
        "  # <- F302 td(l) | start from level -1",
    ),
    case(
        "shares_differ_in_width",
        "depth: 1\noutputs: [td(3), x(4)]\nnodes:\n  td(l): {inputs: [in(l)], share: s}\n"
        "  x(4): {inputs: [in(4)], share: s, width: 32}"
        "  # <- F308 x(4) | share `s`, but differ",
    ),
    case(
        "shares_differ_in_steps",
        "nodes:\n  td(l): {inputs: [in(l), td(l+1)], share: s, op: [conv1x1, conv3x3]}\n"
        "  td(3): {inputs: [in(3), td(4)], share: s, op: conv3x3}"
        "  # <- F308 td(3) | share `s`, but differ",
    ),
    case(
        "sizes_differ_behind_no_padding",
        "depth: 1\noutputs: [td(3), x(6)]\nnodes:\n  td(l): [in(l)]\n"
        "  v(6): {inputs: [in(5)], op: {padding: none}}\n  x(6): [v(6), in(6)]"
        "  # <- F405 x(6) | (14x14, 8x8)",
    ),
    case(
        "sizes_differ_on_an_edge",
        "depth: 1\noutputs: [td(3), x(6)]\nnodes:\n  td(l): [in(l)]\n"
        "  x(6): [in(6), {from: in(5), via: {padding: none}}]"
        "  # <- F405 x(6) | (8x8, 14x14)",
    ),
    case(
        "no_cell_left",
        "depth: 1\ninputs: 3..7\nlevels: 3..8\noutputs: [td(3), v(8)]\nnodes:\n"
        "  td(..7): [in(l)]\n  v(8): {inputs: [td(7)], op: {padding: none, kernel: 7}}"
        "  # <- F404 v(8) | no cell left for images of 512x512",
    ),
    case(
        "widths_differ_where_none_is_said",
        "depth: 1\noutputs: [td(3), x(4)]\nnodes:\n  td(l): [in(l)]\n"
        "  x(4): {inputs: [in(4), in(5)], width: same}  # <- F406 x(4) | widths (112, 320)",
    ),
    case(
        "gate_that_gets_a_skip",
        "passes: [add_same_level_skip]\noutputs: out\nnodes:\n  td(l): [in(l), in(l)]\n"
        "  out(l): {inputs: [td(l), td(*)], fusion: sum}\n"
        "  out(4): {inputs: [td(4), td(5)], fusion: gate}  # <- F307 out(4) | after the passes",
    ),
    case("after_an_unknown_spec", "after: bifpm  # <- F210 bifpm | did you mean `bifpn`?"),
    case("after_a_path", "after: ../bifpn  # <- F210 ../bifpn | no spec"),
    case("after_a_list", "after: [bifpn]  # <- F203 [ | `after` is the name of a spec"),
    case(
        "after_lacks_a_coarser_level",
        "after: bifpn\nlevels: 3..8  # <- F304 3..8 | does not return level 8",
    ),
    case(
        "after_lacks_a_finer_level",
        "after: bifpn\nlevels: 2..7  # <- F304 2..7 | levels of 3, 4, 5, 6, 7",
    ),
    case(
        "parallel_beside_nodes",
        "parallel: [bifpn, panet]\nnodes:"
        "  # <- F203 nodes | `nodes` or `parallel`, not both\n  td(l): [in(l)]",
        without="outputs",
    ),
    case(
        "parallel_beside_outputs",
        "parallel: [bifpn, panet]\noutputs: td"
        "  # <- F203 outputs | `outputs` or `parallel`, not both",
        without="nodes",
    ),
    case(
        "one_branch",
        "parallel: [bifpn]  # <- F203 [ | a list of 2 to 8 specs",
        without="nodes outputs",
    ),
    case(
        "one_branch_as_a_word",
        "parallel: bifpn  # <- F203 bifpn | a list of 2 to 8 specs",
        without="nodes outputs",
    ),
    case(
        "no_branch", "parallel: []  # <- F203 [ | a list of 2 to 8 specs", without="nodes outputs"
    ),
    case(
        "too_many_branches",
        f"parallel: [{', '.join(['panet'] * 9)}]  # <- F203 [ | a list of 2 to 8 specs",
        without="nodes outputs",
    ),
    case(
        "branches_as_a_mapping",
        "parallel: {mirror: bifpn}  # <- F203 { | `parallel` is a list",
        without="nodes outputs",
    ),
    case(
        "unknown_branch",
        "parallel: [bifpn, panot]  # <- F210 panot | did you mean `panet`?",
        without="nodes outputs",
    ),
    case(
        "unknown_mirrored_branch",
        "parallel: [bifpn, {mirror: panot}]  # <- F210 panot | `panet`",
        without="nodes outputs",
    ),
    case(
        "branch_of_an_unknown_form",
        "parallel: [bifpn, {miror: bifpn}]  # <- F203 { | `{mirror: NAME}`",
        without="nodes outputs",
    ),
    case(
        "branch_as_a_list",
        "parallel: [bifpn, [bifpn]]  # <- F203 [@19 | `{mirror: NAME}`",
        without="nodes outputs",
    ),
    case(
        "branch_reads_beyond_the_inputs",
        "inputs: 3..5\nparallel: [bifpn, panet]  # <- F304 bifpn | reads level 6, 7, beyond 3..5",
        without="nodes outputs",
    ),
    case(
        "gate_of_three_branches",
        "fusion: gate\nparallel: [bifpn, panet, fpn]  # <- F307 fpn@26 | `gate` takes 2",
        without="nodes outputs",
    ),
]

TOPOLOGY_CASES = [
    *YAML_CASES,
    *LANGUAGE_CASES,
    *GRAPH_CASES,
    *DECLARATION_CASES,
    *REFERENCE_CASES,
    *STEP_CASES,
    *INPUT_CASES,
    *SCALING_CASES,
    *NETWORK_CASES,
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


@pytest.mark.parametrize(("text", "options"), TOPOLOGY_CASES + SEVERAL_CASES)
def test_fault_is_reported_once_at_its_place(text, options):
    assert expected_in(text)
    check(faults(text, **options), expected_in(text))


@pytest.mark.parametrize(
    "text",
    [c.values[0] for c in TOPOLOGY_CASES],
    ids=[c.id for c in TOPOLOGY_CASES],
)
def test_caret_covers_the_marked_text(text):
    tokens = [(m[0], m[1]) for m in MARKER.findall(text)]
    lines = text.splitlines()
    for found in faults(text):
        assert found.span
        covered = lines[found.span.line - 1][found.span.column - 1 : found.span.end_column - 1]
        assert any(c == found.code and (t in covered or covered in t) for c, t in tokens)


B = "parallel: [a, {mirror: a}]"
A = "name: a\n"

# Specs that name others: the first is compiled, the others are a.yaml and b.yaml beside it.
FILE_CASES = {
    "after_itself": ("after: mine  # <- F210 mine@8 | comes after itself",),
    "after_itself_in_the_end": ("after: a", A + "after: mine  # <- F210 mine | comes after itself"),
    "after_of_the_other_as_a_list": ("after: a", A + "after: [mine]  # <- F203 [ | name of a spec"),
    "after_returns_too_little": (
        "after: a\nlevels: 3..7  # <- F304 3..7 | does not return level 5, 6, 7",
        A + "outputs: [td(3), td(4)]\ndepth: 1",
    ),
    "fault_of_the_one_before": ("after: a", A + "widht: 3  # <- F201 widht | `width`"),
    "branch_of_itself": ("parallel: [mine, bifpn]  # <- F210 mine@12 | a branch of itself",),
    "branch_of_itself_in_the_end": (
        "parallel: [a, bifpn]",
        A + "parallel: [bifpn, mine]  # <- F210 mine | a branch of itself",
    ),
    "fault_of_a_branch": ("parallel: [a, bifpn]", A + "widht: 3  # <- F201 widht | `width`"),
    "no_mirror_of_steps": (
        B + "  # <- F306 a}]@24 | the steps of `p6_td` change the level",
        A + "nodes:\n  td(l): [in(l)]\n  td(6): {inputs: [in(5)], op: {stride: 2}}",
    ),
    "no_mirror_of_edges": (
        B + "  # <- F306 a}]@24 | the steps of `p6_td` change the level",
        A + "nodes:\n  td(l): [in(l)]\n  td(6): [{from: in(5), via: {stride: 2}}, in(6)]",
    ),
    "no_mirror_of_the_backbone": (
        B + "  # <- F306 a}]@24 | reads level 3 of the backbone",
        A + "nodes:\n  td(l): [in(l), td(l+1), backbone(3)]",
    ),
    "branch_returns_too_little": (
        B + "  # <- F304 a,@12 | `a` returns nothing at level 5, 6, 7",
        A + "outputs: [td(3), td(4)]",
    ),
    "branch_after_another": (
        "parallel: [a, bifpn]  # <- F203 a,@12 | `after`, which no branch can have",
        A + "after: bifpn",
    ),
    "branch_with_a_prologue": (
        "parallel: [a, bifpn]  # <- F203 a,@12 | `prologue`, which no branch can have",
        A + "prologue:\n  in(6): {inputs: backbone(5)}\n  in(7): {inputs: in(6)}",
    ),
}


@pytest.mark.parametrize("name", FILE_CASES)
def test_fault_among_specs_is_reported_at_its_place(name, tmp_path):
    texts = [_filled(text, TOPOLOGY, _left_out(text)) for text in FILE_CASES[name]]
    for stem, text in zip(("mine", "a", "b"), texts, strict=False):
        (tmp_path / f"{stem}.yaml").write_text(text)
    found = faults(tmp_path / "mine.yaml")
    check(found, [expected for text in texts for expected in expected_in(text)])
    stems = {Path(d.span.file).stem for d in found if d.span}
    assert stems == {stem for stem, text in zip(("mine", "a"), texts, strict=False) if "<-" in text}


def _left_out(text: str) -> str:
    return "nodes outputs" if "parallel:" in text else ""


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
    model_case(
        "segmentation_of_many_levels",
        "heads: {kind: segmentation, levels: 3..4}  # <- F403 { | reads one level, not 2",
    ),
    model_case("unknown_kind_of_heads", "heads: {kind: masks}  # <- F207 masks | `segmentation`"),
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
        "the spec declares more than 20000 nodes",
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
    cases = TOPOLOGY_CASES + MODEL_CASES
    covered = {e.code for c in cases for e in expected_in(c.values[0])}
    covered |= {e.code for texts in FILE_CASES.values() for t in texts for e in expected_in(t)}
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
