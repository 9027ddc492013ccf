"""Arguments of calls, bound to the parameters of functions."""

import ast
from collections.abc import Callable

from fpncompiler.reading.values import NotUnderstoodError, Value

Defaults = Callable[[ast.expr], Value]


def bound(
    given: ast.arguments,
    arguments: list[Value],
    words: dict[str, Value],
    default: Defaults,
) -> dict[str, Value]:
    """The value of each parameter, as Python binds them; `default` evaluates a default.

    Raises:
        NotUnderstoodError: the arguments do not fit.
    """
    if given.kwarg:
        raise NotUnderstoodError("a function that takes any keyword")
    positional = [*given.posonlyargs, *given.args]
    names = [parameter.arg for parameter in positional]
    found = dict(zip(names, arguments, strict=False))
    rest = arguments[len(names) :]
    if rest and given.vararg is None:
        raise NotUnderstoodError(f"{len(arguments)} arguments for {len(names)} parameters")
    allowed = {p.arg for p in [*given.args, *given.kwonlyargs]}
    for name, value in words.items():
        if name in found or name not in allowed:
            raise NotUnderstoodError(f"the argument `{name}`, which the function does not take")
        found[name] = value
    if given.vararg:
        found[given.vararg.arg] = tuple(rest)
    split = len(positional) - len(given.defaults)
    pairs = [*zip(positional[split:], given.defaults, strict=True)]
    pairs += [(p, d) for p, d in zip(given.kwonlyargs, given.kw_defaults, strict=True) if d]
    for parameter, expression in pairs:
        if parameter.arg not in found:
            found[parameter.arg] = default(expression)
    missing = [name for name in (*names, *(p.arg for p in given.kwonlyargs)) if name not in found]
    if missing:
        raise NotUnderstoodError(f"a call without the argument `{missing[0]}`")
    return found
