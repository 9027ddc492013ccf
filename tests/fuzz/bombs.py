"""Inputs that are small or simple, and stand for very much: what a stranger would send."""

from collections.abc import Iterable

MIB = 1 << 20
SIZES = {"64K": MIB >> 4, "1M": MIB, "4M": 4 * MIB}
HEAD = "fpnc: 1\nname: bomb\n"


def _filled(before: bytes, unit: bytes, after: bytes, size: int) -> bytes:
    """A unit as often as it fits."""
    return before + unit * ((size - len(before) - len(after)) // len(unit)) + after


# name -> what stands before, what is repeated, what stands behind
SHAPES: dict[str, tuple[bytes, bytes, bytes]] = {
    "sequences_in_sequences": (b"a: ", b"[", b""),
    "mappings_in_mappings": (b"a: ", b"{a: ", b""),
    "braces": (b"", b"{", b""),
    "brackets_and_braces": (b"a: ", b"[{a: ", b""),
    "block_sequences": (b"", b"- ", b""),
    "complex_keys": (b"", b"? ", b""),
    "empty_lists": (b"a: [", b"[],", b"]"),
    "empty_mappings": (b"a: [", b"{},", b"]"),
    "empty_items": (b"a:\n", b"-\n", b""),
    "words": (b"a: [", b"a,", b"]"),
    "words_on_lines": (b"a: [\n", b"a,\n", b"]\n"),
    "quoted_words": (b"a: [", b"'',", b"]"),
    "open_parentheses": (b"a: [", b"(,", b"]"),
    "one_open_parenthesis": (b"a: [(", b"x,", b")]"),
    "one_open_parenthesis_of_a_value": (b"{a: (", b"x,", b")}"),
    "anchors": (b"a: [", b"&a b,", b"]"),
    "aliases": (b"a: [&a b, ", b"*a,", b"]"),
    "ampersands": (b"a: ", b"&", b""),
    "stars": (b"a: ", b"*", b""),
    "tags": (b"a: [", b"!!str b,", b"]"),
    "exclamation_marks": (b"a: ", b"!", b""),
    "percent_signs": (b"", b"%", b""),
    "directives": (b"", b"%TAG ! !\n", b""),
    "documents": (b"", b"---\n", b""),
    "document_ends": (b"", b"...\n", b""),
    "merges": (b"", b"<<: {a: 1}\n", b""),
    "one_key_again": (b"", b"a: 1\n", b""),
    "colons": (b"", b":", b""),
    "dashes": (b"", b"-", b""),
    "commas": (b"a: [", b",", b"]"),
    "comments": (b"", b"#\n", b""),
    "one_comment": (b"#", b"#", b""),
    "comments_that_silence": (HEAD.encode(), b"# fpnc: allow W301\n", b""),
    "spaces": (b"", b" ", b""),
    "newlines": (b"", b"\n", b""),
    "returns": (b"", b"\r\n", b""),
    "tabs": (b"a:", b"\t", b""),
    "nuls": (b"", b"\0", b""),
    "no_utf8": (b"", b"\xff", b""),
    "long_word": (b"a: ", b"x", b""),
    "long_key": (b"", b"x", b": 1"),
    "long_words": (b"a: ", b"x ", b""),
    "word_of_many_lines": (b"a: ", b"x\n ", b""),
    "empty_lines_in_a_word": (b"a: x", b"\n\n", b"\n  y"),
    "double_quotes": (b'a: "', b'\\"', b'"'),
    "escapes": (b'a: "', b"\\x41", b'"'),
    "unclosed_quote": (b"a: '", b"x", b""),
    "quotes_in_quotes": (b"a: '", b"''", b"'"),
    "literal": (b"a: |\n", b" x\n", b""),
    "folded": (b"a: >\n", b" x\n\n", b""),
    "surrogates": (b"a: ", "\U0001f600".encode(), b""),
}


def nested_blocks(size: int) -> bytes:
    """Each line deeper than the one before."""
    lines, length = [], 0
    while length < size:
        lines.append(b" " * len(lines) + b"a:\n")
        length += len(lines[-1])
    return b"".join(lines)


def different_keys(size: int) -> bytes:
    """A mapping of as many keys as fit."""
    return b"".join(b"k%07d: 1\n" % number for number in range(size // 12))


def laughs(base: str, unit: str, levels: int) -> bytes:
    """Each anchor is nine of the one before."""
    lines = [f"a0: &a0 {base}\n"]
    lines += [
        f"a{n}: &a{n} {unit.format(', '.join([f'*a{n - 1}'] * 9))}\n" for n in range(1, levels)
    ]
    return "".join(lines).encode()


def yaml_bombs() -> dict[str, bytes]:
    """Files that no parser should have to eat."""
    found = {
        f"{name}-{size}": _filled(*SHAPES[name], SIZES[size]) for name in SHAPES for size in SIZES
    }
    for size, count in SIZES.items():
        found[f"nested_blocks-{size}"] = nested_blocks(count)
        found[f"different_keys-{size}"] = different_keys(count)
    found["laughs_of_lists"] = laughs("[x, x]", "[{}]", 9)
    found["laughs_of_mappings"] = laughs("{x: 1}", "{{<<: [{}]}}", 9)
    found["laughs_of_merges"] = laughs("{x: 1}", "{{<<: [{}]}}", 30)
    found["anchor_within_itself"] = b"a: &a [*a]\n"
    found["anchors_within_anchors"] = b"a: &a [&b [&c [&d x]]]\n"
    found["tagged_python"] = b"a: !!python/object/apply:os.system [x]\n"
    return found


def _spec(nodes: Iterable[str], head: str = "levels: 3..7\ndepth: 1\n", out: str = "n0") -> bytes:
    lines = "".join(f"  {node}\n" for node in nodes)
    return f"{HEAD}{head}outputs: {out}\nnodes:\n{lines}".encode()


def _nested(kind: str, depth: int, width: int) -> str:
    """Fusions within fusions."""
    if depth == 0:
        return "in(l)"
    return f"{{{kind}: [{', '.join([_nested(kind, depth - 1, width)] * width)}]}}"


def _list(item: str, count: int) -> str:
    return f"[{', '.join([item] * count)}]"


K64 = "levels: 3..7\nk: 1..64\n"
K20 = "levels: 3..12\nk: 1..20\n"


def nested_bombs() -> dict[str, bytes]:
    """Fusions within fusions, at all levels and layers."""
    sums = "[{sum: [in(l)]}, in(l)]"
    return {
        "nested_at_every_layer": _spec([f"n0(l, k): {_list(_nested('sum', 1, 1), 100)}"], K64),
        "nested_twice": _spec([f"n0(l, k): {_list(_nested('softmax', 1, 2), 40)}"], K64),
        "nested_gates": _spec([f"n0(l, k): {_list('{gate: [in(l), in(l)]}', 40)}"], K64),
        "nested_deep": _spec([f"n{i}(l): [{_nested('sum', 14, 1)}]" for i in range(700)]),
        "nested_deep_layers": _spec([f"n0(l, k): [{_nested('sum', 14, 1)}, in(l)]"], K64),
        "nested_wide": _spec([f"n0(l, k): [{_nested('max', 3, 5)}]"], K64),
        "nested_names": _spec([f"n{i}(l): {_list('{sum: [in(l)]}', 99)}" for i in range(60)]),
        "nested_beyond": _spec([f"n{i}(l): {_list('{sum: [in(l+9)]}', 99)}" for i in range(60)]),
        "nested_all_to_all": _spec([f"n0(l, k): {_list('{sum: [in(*), {max: in(*)}]}', 12)}"], K64),
        "nested_many": _spec([f"n{i}(l): {sums}" for i in range(4000)]),
    }


def edge_bombs() -> dict[str, bytes]:
    """What reads very much."""
    slow = "levels: 3..7\nup: carafe\ndown: conv3x3\ndepth: 1\n"
    via = f"{{from: in(l), via: {_list('relu', 16)}}}"
    back = "{from: in(l), via: [{down: max_pool, levels: 12}, {down: max_pool, levels: 12}]}"
    return {
        "all_to_all": _spec([f"n{i}(l): in(*)" for i in range(4000)]),
        "all_to_all_layers": _spec(["n0(l, 1): in(*)", "n0(l, k): n0(*, 1..k-1)"], K64),
        "all_to_all_of_ten_levels": _spec(["n0(l, 1): in(*)", "n0(l, k): n0(*, 1..k-1)"], K20),
        "all_to_all_three_layers": _spec(["n0(l, 1): in(*)", "n0(l, k): n0(*, k-3..k-1)"], K64),
        "all_to_all_families": _spec([f"n{i}(l, k): n{i}(*, all)" for i in range(60)], K64),
        "fan_in_of_200": _spec([f"n{i}(l): {_list('in(l)', 200)}" for i in range(100)]),
        "fan_in_of_100000": _spec([f"n0(l): {_list('in(l)', 100_000)}"]),
        "edges_with_steps": _spec([f"n{i}(l): {_list(via, 20)}" for i in range(99)]),
        "edges_with_settings": _spec([f"n{i}(l): {_list('{from: in(l)}', 99)}" for i in range(99)]),
        "edges_step_by_step": _spec([f"n{i}(l): in(*)" for i in range(4000)], slow),
        "edges_far_away": _spec([f"n{i}(l): {_list(back, 99)}" for i in range(20)], slow),
        "wide_neighbours": _spec([f"n{i}(l): in(l-12..l+12)" for i in range(4000)]),
    }


def node_bombs() -> dict[str, bytes]:
    """Very many nodes, settings and steps."""
    own = "{inputs: in(l), width: round_to(64 * 1.1 ** phi + l * k, 8)}"
    steps = f"{{inputs: in(l), op: {_list('{conv: full}', 16)}}}"
    valid = "{inputs: in(l), op: {conv: full, kernel: 3, padding: none}}"
    of_family = [f"n{i}(l): [n{(i + 1) % 4000}(l), in(l)]" for i in range(4000)]
    head = "levels: 3..7\ndepth: 1\n"
    prologue = head + "prologue:\n" + "".join(f"  q{i}(l): backbone(*)\n" for i in range(4000))
    return {
        "families": _spec(f"n{i}(l): in(l)" for i in range(60_000)),
        "20000_nodes": _spec(f"n{i}(l): in(l)" for i in range(3999)),
        "named_nodes": _spec(f"n{i}: {{level: 4, inputs: in(4)}}" for i in range(19_000)),
        "nodes_without_level": _spec(f"n{i}: in(4)" for i in range(60_000)),
        "layers_of_nodes": _spec((f"n{i}(l, k): in(l)" for i in range(60)), K64),
        "layers_of_settings": _spec((f"n{i}(l, k): {own}" for i in range(60)), K64),
        "steps": _spec(f"n{i}(l): {steps}" for i in range(2000)),
        "steps_of_the_network": _spec(
            (f"n{i}(l, k): in(l)" for i in range(60)), f"{K64}op: {_list('relu', 16)}\n"
        ),
        "cycle": _spec(of_family),
        "short_cycle": _spec([*of_family[:2000], "n2000(l): [n0(l)]"]),
        "without_padding": _spec(f"n{i}(l): {valid}" for i in range(3000)),
        "prologue": _spec(["n0(l): in(l)"], prologue),
        "one_place_again_and_again": _spec(
            (f"n0({3 + i % 5}..7, {1 + i // 5}..64): in(l)" for i in range(320)), K64
        ),
        "spaces_in_names": _spec(f"n0(3..7{' ' * i}): in(l)" for i in range(1200)),
        "unknown_references": _spec(f"n{i}(l): zz{i}(l)" for i in range(3900)),
        "unknown_references_on_one_line": (
            HEAD
            + "levels: 3..7\noutputs: n0\nnodes: {"
            + ", ".join(f"n{i}(l): zz{i}(l)" for i in range(3900))
            + "} # "
            + "x" * 800_000
            + "\n"
        ).encode(),
        "unknown_keys_on_one_line": (
            "{" + ", ".join(f"k{i}: 1" for i in range(60_000)) + "}"
        ).encode(),
    }


def repeat_bombs() -> dict[str, bytes]:
    """Depths, passes and widths that multiply."""
    one = ["n0(l): [in(l), in(l+1)]"]
    rotated = [f"m{i}(l): in(l)" for i in range(100)] + [
        "n0(3): {inputs: in(7), width: same, op: none}",
        "n0(4..): {inputs: in(l-1), width: same, op: none}",
    ]
    beyond = ["n0(l): [in(l), in(l+9)]"]
    chain = beyond + [f"n{i}(l): [n{i - 1}(l), in(l+9)]" for i in range(1, 1300)]
    star = chain + [f"m{i}(l): [n1299(l), in(l)]" for i in range(1300)]
    twice = beyond + [f"n{i}(l): [n{i - 1}(l), n{i - 1}(l)]" for i in range(1, 2700)]
    prune = "levels: 3..7\ndepth: 1\npasses: [prune_single_input]\n"
    norms = (
        f"n{i}(l): {{inputs: in(5), width: 8, norm: {{eps: {(i + 1) * 1e-4:.4f}}}}}"
        for i in range(1300)
    )
    plain = "fusion: concat\nop: none\n"
    concat = ["n0(l, 1): [in(l), in(l)]", "n0(l, k): [n0(l, k-1), n0(l, k-1)]"]
    return {
        "depth_1e9": _spec(one, "levels: 3..7\ndepth: 1e9\n"),
        "depth_of_digits": _spec(one, f"levels: 3..7\ndepth: {'9' * 100_000}\n"),
        "k_1e9": _spec(one, "levels: 3..7\nk: 1..1000000000\n"),
        "depth_64": _spec((f"n{i}(l): [in(l), in(l)]" for i in range(2000)), "levels: 3..7\n"),
        "layers_that_all_differ": _spec(rotated, "levels: 3..7\ndepth: 64\n"),
        "widths_that_grow": _spec(
            [*one, *(f"m{i}(l): [in(l), n0(l)]" for i in range(900))],
            f"levels: 3..7\ndepth: 64\n{plain}",
        ),
        "widths_that_double": _spec(concat, f"{K64}{plain}"),
        "passes": _spec(one, f"levels: 3..7\npasses: {_list('prune_single_input', 100_000)}\n"),
        "pruned_chain": _spec(chain, prune, "n1299"),
        "pruned_star": _spec(star, prune, "m0"),
        "pruned_twins": _spec(twice, prune, "n2699"),
        "adapters_of_many_norms": _spec(
            norms, "levels: 3..7\ndepth: 1\nadapters: {sharing: per_source}\n"
        ),
        "outputs": _spec(one, out=_list("n0", 100_000)),
        "branches": (HEAD + f"levels: 3..7\nparallel: {_list('fpn', 50_000)}\n").encode(),
    }


def formula_bombs() -> dict[str, bytes]:
    """Numbers and names."""
    constants = "".join(f"  c{i}: {f'c{i - 1} + c{i - 1}' if i else 1}\n" for i in range(20_000))
    rows = ", ".join(["64"] * 100_000)
    table = ", ".join(f"{i}: 64" for i in range(70_000))
    used = "".join(f"  c{chr(97 + i // 10)}{chr(97 + i % 10)}: 1\n" for i in range(99))
    total = " + ".join(f"ca{chr(97 + i)}" for i in range(10))
    nodes = [f"n{i}(l, k): {{inputs: in(l), width: 64 + ({total}) * 0}}" for i in range(60)]
    formulas = {
        "power_of_powers": "9**9**9",
        "large_power": "9**4000000",
        "products": "*".join(["99999999"] * 20),
        "minuses": "-" * 190 + "1",
        "many_minuses": "-" * 100_000 + "1",
        "parentheses": "(" * 60 + "1" + ")" * 60,
        "many_parentheses": "(" * 400_000,
        "digits": "9" * 900_000,
        "fractions": "1." + "9" * 180,
        "exponents": "1e99",
        "division": "1/(1-1)",
        "tiny": "1e-99**64",
    }
    found = {
        f"formula_{name}": _spec(["n0(l): in(l)"], f"levels: 3..7\nwidth: '{text}'\n")
        for name, text in formulas.items()
    }
    return found | {
        "constants": (HEAD + "levels: 3..7\nlet:\n" + constants).encode(),
        "constants_in_use": _spec(nodes, f"{K64}let:\n{used}"),
        "published_rows": _spec(
            ["n0(l): in(l)"], f"levels: 3..7\nwidth: {{published: [{rows}]}}\n"
        ),
        "published_table": _spec(
            ["n0(l): in(l)"], f"levels: 3..7\nwidth: {{published: {{{table}}}}}\n"
        ),
        "spaces_in_a_reference": _spec([f"n0(l): ['in(l{' ' * 900_000}']"]),
        "spaces_in_a_declaration": (
            f"{HEAD}levels: 3..7\nnodes:\n  ? 'n0(l{' ' * 900_000},'\n  : in(l)\noutputs: n0\n"
        ).encode(),
        "spaces_in_outputs": _spec(["n0(l): in(l)"], out=f"'n0({' ' * 900_000}'"),
        "spaces_in_levels": _spec(["n0(l): in(l)"], f"levels: '3{' ' * 900_000}..'\n"),
        "long_name": f"fpnc: 1\nname: {'x' * 900_000}\nlevels: 3..7\n".encode(),
        "long_title": _spec(["n0(l): in(l)"], f"levels: 3..7\ntitle: {'x' * 900_000}\n"),
    }


def spec_bombs() -> dict[str, bytes]:
    """Specs that ask for too much, or for as much as is allowed."""
    return (
        nested_bombs()
        | edge_bombs()
        | node_bombs()
        | repeat_bombs()
        | formula_bombs()
        | {f"keys_of_{key}": _with_keys(key) for key in ("nodes", "let", "op", "norm", "fusion")}
    )


def _with_keys(key: str) -> bytes:
    """A mapping of very many keys, none of which it has."""
    keys = "".join(f"  z{i}: 1\n" for i in range(40_000))
    return f"{HEAD}levels: 3..7\noutputs: n0\n{key}:\n{keys}".encode()
