"""The classes of a detector beside those of a data set: they are matched by name."""

from collections.abc import Sequence

from fpncompiler.diagnostics import UserError


class ClassesDifferError(UserError):
    """A data set has classes that the detector does not know; the message lists both."""


def matched(known: Sequence[str], wanted: Sequence[str]) -> tuple[int, ...]:
    """For each class of a detector its index in a data set, or -1.

    Upper case is as lower, where no name is the same to the letter.

    Raises:
        ClassesDifferError: the detector does not know a class of the data set.
    """
    names = [_plain(name) for name in known]
    missing = [name for name in wanted if _plain(name) not in names]
    if missing:
        raise ClassesDifferError(
            f"the detector does not know {_listed(missing)}"
            f"\n  the data set has {_listed(wanted)}"
            f"\n  the detector has {_listed(known)}",
            "classes are matched by name; rename those of the data set: --classes FILE",
        )
    places = {_plain(name): index for index, name in enumerate(wanted)}
    exact = {name: index for index, name in enumerate(wanted)}
    return tuple(exact.get(name, places.get(_plain(name), -1)) for name in known)


def _plain(name: str) -> str:
    return name.strip().casefold()


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:10])
    return f"{shown} and {len(names) - 10} more" if len(names) > 10 else shown or "no classes"
