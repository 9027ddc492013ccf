"""`fpnc explain`: what a code means, with a spec that has the fault and one that has not.

A page a code, `explanations/F204.md`: `# F204: title`, prose, and examples, which the tests run.
"""

import re
from functools import cache
from importlib.resources import files

from fpncompiler.diagnostics import nearest

_TITLE = re.compile(r"# ([A-Z][0-9]{3}): (\S.*)\n")


class UnknownCodeError(Exception):
    """No diagnostic has this code; the message names the nearest that one has."""


def explain(code: str) -> str:
    """The page of a code, as Markdown.

    Args:
        code: `F204`, in either case; `204` as well, where one code alone has that number.

    Raises:
        UnknownCodeError: there is no page for it.
    """
    return pages()[_meant(code)]


def titles() -> dict[str, str]:
    """Code -> what it stands for in a few words, for all codes in their order."""
    return {code: _title(code, page) for code, page in pages().items()}


@cache
def pages() -> dict[str, str]:
    """Code -> its page, for all codes in their order."""
    folder = files("fpncompiler") / "explanations"
    found = sorted((file for file in folder.iterdir()), key=lambda file: file.name)
    return {
        file.name.removesuffix(".md"): file.read_text(encoding="ascii")
        for file in found
        if file.name.endswith(".md")
    }


def _meant(code: str) -> str:
    wanted = code.strip().upper()
    known = [*pages()]
    if wanted in known:
        return wanted
    numbered = [each for each in known if each[1:] == wanted]
    if len(numbered) == 1:
        return numbered[0]
    near = " or ".join(f"`{each}`" for each in numbered) or f"`{nearest(wanted, known)}`"
    meant = "" if near == "``" else f"did you mean {near}? "
    raise UnknownCodeError(
        f"there is no code `{code}`\n  = help: {meant}`fpnc explain` lists all codes"
    )


def _title(code: str, page: str) -> str:
    found = _TITLE.match(page)
    if found is None or found[1] != code:
        raise ValueError(f"the page of {code} does not begin with `# {code}: ...`")
    return found[2]
