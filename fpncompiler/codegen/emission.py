"""The template environment, which prints nothing but what was made to be printed."""

from functools import cache

import jinja2

from fpncompiler.codegen.allowlist import RenderError


class Code(str):
    """Python source that is safe to print: only this passes the template's gate."""

    __slots__ = ()


@cache
def environment() -> jinja2.Environment:
    """The package's templates; what they lack, and what is no `Code`, is an error."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("fpncompiler.codegen"),
        undefined=jinja2.StrictUndefined,
        finalize=_gate,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _gate(value: object) -> object:
    if isinstance(value, Code | int):
        return value
    raise RenderError(f"a template printed {type(value).__name__} without an emit function")
