"""Texts of graphs that are made to take long, or much memory."""

from collections.abc import Callable, Iterable

from fpncompiler.ir.reader import MAX_BYTES

HEAD = ("graph mine", "p3_in = input 3 width 64")
TAIL = "outputs p3=p3_in\n"


def graph(lines: Iterable[str], tail: str = TAIL) -> str:
    return "\n".join([*HEAD, *lines, tail])


NODE = "a = fuse 3 width 64 sum [p3_in]"
IN_BRACKETS = "a = fuse 3 width 64 sum [{}]"
BEHIND = f"{NODE} > {{}}"
MANY = 90_000  # lines


def behind(number: int) -> str:
    """The 200 nodes before one."""
    return ", ".join(f"n{j}" for j in range(max(0, number - 200), number)) or "p3_in"


def bombs(scale: int) -> dict[str, str]:
    """Texts by their names; with a scale of 1, about as large as is read."""
    full = MAX_BYTES // scale

    def many(line: Callable[[int], str]) -> str:
        """As many numbered lines as are read."""
        count = full // (len(line(100_000)) + 1) - 8
        return graph(line(i) for i in range(count))

    def long(piece: str, form: str = "{}") -> str:
        """One line as long as is read."""
        return graph([form.format(piece * ((full - 200) // len(piece)))])

    return {
        **{
            f"line_of_{name}": long(mark)
            for name, mark in {
                "spaces": " ",
                "equals": "=",
                "dots": ".",
                "digits": "9",
                "letters": "a",
                "brackets": "(",
                "exponents": "1e",
                "minus": "-",
                "tabs": "\t",
                "carets": "^1",
            }.items()
        },
        "lines_of_nothing": "\n" * (full - 1),
        "lines_of_faults": "=\n" * (full // 2 - 1),
        "lines_of_words": "a\n" * (full // 2 - 1),
        "separators": "\x1c" * (full - 1),
        "comment": long("#"),
        "name": long("a", "{} = input 3 width 64"),
        "number": long("9", "a = input {} width 64"),
        "fraction": long("9", "a = fuse 3 width 64 fast_normalized(eps=0.{}) [p3_in]"),
        "exponent": long("9", "a = fuse 3 width 64 fast_normalized(eps=1e-{}) [p3_in]"),
        "level": long("9", "outputs p{}=p3_in"),
        "sources": long("p3_in, ", IN_BRACKETS),
        "sources_without_commas": long("p3_in ", IN_BRACKETS),
        "unknown_sources": graph(
            f"n{i} = fuse 3 width 64 sum [{'zz, ' * 255}zz]" for i in range(780 // scale)
        ),
        "unknown_names_among_many": graph(
            [
                *(f"node_{i} = input 3 width 64" for i in range(60_000 // scale)),
                *(f"b{i} = unary 3 width 64 [nodes_{i}]" for i in range(1000)),
            ]
        ),
        "steps": long("relu ", BEHIND),
        "steps_of_an_edge": long("^1 v1 ", IN_BRACKETS.replace("{}", "p3_in {}")),
        "convolution_of_many_parts": long("relu-", BEHIND),
        "blocks": long("c2f ", BEHIND),
        "unknown_steps": long("zzz ", BEHIND),
        "settings": graph(
            [NODE + " > c2f(" + ", ".join(f"s{i}=1" for i in range(300_000 // scale)) + ")"]
        ),
        "setting_many_times": long("depth=1, ", f"{NODE} > c2f({{}}depth=1)"),
        "open_brackets": long("c2f(", BEHIND),
        "traits": long("keep ", "a = fuse 3 width 64 sum {}[p3_in]"),
        "settings_of_a_graph": f"graph mine\nwith {'eps=0.1 ' * (full // 8 - 20)}\n{TAIL}",
        "outputs": graph([], "outputs " + "p3=p3_in " * (full // 9 - 20) + "\n"),
        "nodes": many(lambda i: f"n{i} = input 3 width 1"),
        "same_node": many(lambda _: "n = input 3 width 1"),
        "chain": graph(
            f"n{i} = unary 3 width 1 [{f'n{i - 1}' if i else 'p3_in'}]"
            for i in range(MANY // scale)
        ),
        "chain_backwards": graph(
            f"n{i} = unary 3 width 1 [n{i + 1}]" for i in range(MANY // scale)
        ).replace(f"[n{MANY // scale}]", "[p3_in]"),
        "circle": graph(
            f"n{i} = unary 3 width 1 [n{(i + 1) % (MANY // scale)}]" for i in range(MANY // scale)
        ),
        "dense": graph(f"n{i} = fuse 3 width 64 sum [{behind(i)}]" for i in range(900 // scale)),
        "widths_that_double": graph(
            f"n{i} = fuse 3 width ? concat [{f'n{i - 1}, n{i - 1}' if i else 'p3_in'}]"
            for i in range(60_000 // scale)
        ),
        "graphs": "".join(
            f"graph g{i}\np3_in = input 3 width 64\n{TAIL}" for i in range(full // 55 - 10)
        ),
        "empty_graphs": "graph g\n" * (full // 8 - 1),
        "networks": "network n\n" * (full // 10 - 1),
        "layers": "network n\ntaps c3=64\noutputs p3\nextra graph e\nc3 = backbone 3 width 64\n"
        "outputs p3=c3\n"
        + f"layer x1000 graph l\np3_in = input 3 width 64\n{TAIL}"
        * (full // 64 - 10),
        "violations": graph(f"n{i} = unary 3 width 1 [p3_in, p3_in]" for i in range(MANY // scale)),
    }
