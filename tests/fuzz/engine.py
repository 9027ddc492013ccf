"""The loop: choose an input, mutate it, run it, keep it where it does something new."""

import random
import re
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.coverage import Arc, arcs_of
from tests.fuzz.mutate import mutate
from tests.fuzz.target import MIB, SECONDS, Outcome, TooSlowError, run

CORPUS = Path(__file__).parent / "corpus"
TRACED = 200  # of so many executions, one is traced whatever comes of it
_NAMES = re.compile(r"`[^`]*`|[0-9]+|[a-z0-9_]*[0-9_][a-z0-9_]*")


@dataclass(slots=True)
class Campaign:
    """One process's fuzzing: what it has run, seen and found."""

    rng: random.Random
    folder: Path
    corpus: list[bytes]
    others: list[bytes] = field(default_factory=list)  # whose parts are taken, too
    allowed: float = SECONDS
    executions: int = 0
    accepted: int = 0
    slowest: float = 0.0
    slowest_input: bytes = b""
    failures: list[tuple[str, bytes]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    arcs: set[Arc] = field(default_factory=set)
    new: list[bytes] = field(default_factory=list)
    sound: list[bytes] = field(default_factory=list)

    def replay(self) -> None:
        """Run the corpus, traced."""
        for data in [*self.corpus]:
            self._once(data, traced=True)
        self.new.clear()
        self.corpus = [*dict.fromkeys(self.corpus)]

    def fuzz(self, executions: int | None = None, seconds: float | None = None) -> None:
        """Run mutants until so many are done, or so much time is over."""
        end = time.monotonic() + (seconds if seconds is not None else float("inf"))
        until = self.executions + executions if executions is not None else None
        while time.monotonic() < end and (until is None or self.executions < until):
            data, other = (
                self.rng.choice(self._favoured()),
                self.rng.choice(self.corpus + self.others),
            )
            self._once(mutate(data, other, self.rng), traced=self.rng.randrange(TRACED) == 0)

    def _favoured(self) -> list[bytes]:
        """What is new, and what is accepted, is mutated as often as all the rest."""
        choice = self.rng.random()
        if choice < 0.35 and self.new:
            return self.new
        return self.sound if choice < 0.75 and self.sound else self.corpus

    def _once(self, data: bytes, *, traced: bool) -> None:
        self.executions += 1
        before = peak_mib()
        outcome = self._run(data)
        if outcome is None:
            return
        self.accepted += outcome.checked is not None
        if outcome.seconds > self.slowest:
            self.slowest, self.slowest_input = outcome.seconds, data
        if peak_mib() - before > MIB:
            self.failures.append((f"grew by {peak_mib() - before:.0f} MiB", data))
        signs = _signs(outcome)
        if signs <= self.seen and not traced:
            return
        self.seen |= signs
        arcs = arcs_of(lambda: self._run(data, slowed=20))
        if arcs - self.arcs:
            self.arcs |= arcs
            self.corpus.append(data)
            if outcome.checked:
                self.sound.append(data)
            self.new = [*self.new[-200:], data]

    def _run(self, data: bytes, slowed: int = 1) -> Outcome | None:
        try:
            return run(data, self.folder, slowed * self.allowed)
        except (Exception, TooSlowError) as error:
            self.failures.append((f"{type(error).__name__}: {error}", data))
            return None


def _signs(outcome: Outcome) -> set[str]:
    """What was said, without names, numbers and places; or what sort of network there is."""
    if outcome.checked is None:
        return {f"{fault.code} {_NAMES.sub('', fault.message)}" for fault in outcome.faults}
    layer = outcome.checked.layer
    kinds = {type(layer.op(node)).__name__ for node in layer.nodes()}
    return {f"{sorted(kinds)} {len(layer).bit_length()} {len(outcome.checked.network.layers)}"}


def peak_mib() -> float:
    """The most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def saved_corpus() -> list[bytes]:
    """The corpus of the checkout, in the order of its names."""
    return [path.read_bytes() for path in sorted(CORPUS.iterdir())]


def shipped() -> Iterator[bytes]:
    """What the corpus grew from: specs, sound ones and faulty ones, and inputs of all parts."""
    root = Path(__file__).parents[2]
    for path in sorted((root / "specs").glob("*.yaml")):
        yield path.read_bytes()
    for path in sorted((root / "tests/data/diagnostics").rglob("*.yaml")):
        yield path.read_bytes()
    head = b"fpnc: 1\nname: mine\nextends: base\nparallel: [fpn, {mirror: fpn}]\n"
    for path in sorted((root / "specs/models").glob("*.yaml")):
        base = (root / "specs/panet.yaml").read_bytes()
        model = path.read_bytes()
        yield base + b"#=== phi 1\n#=== model\n" + model
        yield head + b"#=== base\n" + base + b"#=== model\n" + model
