"""Settings in brackets: `c2f*64(depth=1, shortcut=false)`, `silu-full3*64(bias=true)-norm`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

from fpncompiler.diagnostics import Label, Span
from fpncompiler.ir.defaults import Defaults
from fpncompiler.ir.lines import LARGE, VALUE, WORD, Line, Token, known_words
from fpncompiler.ir.ops import ACTIVATIONS, Activation, Norm, Styled
from fpncompiler.kinds import Option, Value

TWICE = "F705"
MAX_SETTINGS = 100
LEAVE_ONE = "leave one of the two out"


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as it stands; one without a value, such as `folded`, is a flag that is set."""

    name: Token
    value: Value | None
    span: Span


@dataclass(slots=True)
class Settings:
    """The settings of one thing, `what`; those asked for are remembered, so that the rest shows."""

    line: Line
    what: str
    given: dict[str, Setting] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def flag(self, name: str, default: bool) -> bool:
        """`name=true`, or `name=false`."""
        found = self._ask(name)
        if found is None:
            return default
        if not isinstance(found.value, bool):
            self._wrong(found, "`true` or `false`")
            return default
        return found.value

    def is_set(self, name: str) -> bool:
        """`name` alone."""
        found = self._ask(name)
        if found and found.value is not None:
            self._wrong(found, "set by its name alone, without a value")
        return found is not None

    def number(self, name: str, low: float, high: float, default: float) -> float:
        """`name=0.5`."""
        found = self._ask(name)
        if found is None:
            return default
        value = found.value
        if isinstance(value, bool | str) or value is None or not low <= value <= high:
            self._wrong(found, f"a number from {low:g} to {high:g}")
            return default
        return value

    def word(self, name: str, choices: Iterable[str], default: str) -> str:
        """`name=relu`."""
        found = self._ask(name)
        if found is None:
            return default
        known = [*choices]
        for choice in known:
            if found.value == choice:
                return choice
        if not isinstance(found.value, str):
            self._wrong(found, "a word")
            return default
        message = f"`{found.value}` is no `{name}` of {self.what}"
        help = known_words(found.value, known)
        self.line.sink.error(WORD, message, found.span, help=help)
        return default

    def bare_word(self, choices: Iterable[str], default: str) -> str:
        """One of some words, without a name."""
        found = [choice for choice in choices if self.is_set(choice)]
        if len(found) > 1:
            message = f"{self.what} is both `{found[0]}` and `{found[1]}`"
            span = self.given[found[1]].span
            self.line.sink.error(VALUE, message, span, help="leave one of them out")
        return found[0] if found else default

    def norm(self, default: Norm) -> Norm:
        """`eps=1e-05, momentum=0.1`."""
        eps = self.number("eps", 0, 1, default.eps)
        return Norm(eps, self.number("momentum", 0, 1, default.momentum))

    def style(self, defaults: Defaults) -> Styled:
        """What a block takes from the network, where it does not say another."""
        activation = self.activation(defaults.activation)
        return Styled(activation, self.norm(defaults.norm), self.is_set("folded"))

    def activation(self, default: Activation) -> Activation:
        """`activation=relu`."""
        return cast("Activation", self.word("activation", ACTIVATIONS, default))

    def options(self, options: Mapping[str, Option]) -> tuple[tuple[str, Value], ...]:
        """All options of a kind, in its order."""
        return tuple((name, self._option(name, option)) for name, option in options.items())

    def _option(self, name: str, option: Option) -> Value:
        default = option.default
        if isinstance(default, bool):
            return self.flag(name, default)
        if isinstance(default, str):
            return self.word(name, option.choices, default)
        value = self.number(name, option.low, option.high, default)
        if isinstance(default, int) and not isinstance(value, int):
            self._wrong(self.given[name], "a whole number")
            return default
        return value

    def finish(self) -> None:
        """Refuse what nobody has asked for."""
        for name, setting in self.given.items():
            if name not in self.asked:
                help = known_words(name, self.asked) if self.asked else "it has none"
                message = f"{self.what} has no setting `{name}`"
                self.line.sink.error(WORD, message, setting.name.span, help=help)

    def _ask(self, name: str) -> Setting | None:
        self.asked.append(name)
        return self.given.get(name)

    def _wrong(self, setting: Setting, rule: str) -> None:
        name, sink = setting.name.text, self.line.sink
        message = f"`{name}` of {self.what} cannot be `{sink.text_at(setting.span)}`"
        if setting.value is None:
            message = f"`{name}` of {self.what} has no value"
        sink.error(VALUE, message, setting.span, help=f"it is {rule}")


def read_settings(line: Line, what: str) -> Settings:
    """The settings that come next, if any do."""
    settings = Settings(line, what)
    if not line.has("("):
        return settings
    while not line.has(")"):
        if settings.given:
            line.expect(",")
        name = line.name("a setting")
        value, span = line.value("a value") if line.has("=") else (None, name.span)
        if first := settings.given.get(name.text):
            message = f"`{name.text}` is set twice"
            labels = (Label(first.name.span, "the first"),)
            line.sink.error(TWICE, message, name.span, labels=labels, help=LEAVE_ONE)
            continue
        if len(settings.given) == MAX_SETTINGS:
            message = f"{what} has more than {MAX_SETTINGS} settings"
            line.fault(LARGE, message, name.span, "nothing has so many")
        settings.given[name.text] = Setting(name, value, span)
    return settings
