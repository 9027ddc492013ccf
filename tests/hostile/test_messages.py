"""What reaches a terminal, a program or a workflow's log: printable ASCII, and no commands."""

import contextlib
import json

import pytest

from fpncompiler.cli.entry import main
from fpncompiler.diagnostics import Sink, SpecError, printable
from tests.hostile.payloads import PAYLOADS, yaml_text

CONTROLS = [chr(code) for code in [*range(32), *range(0x7F, 0xA0), 0x2028, 0x202E, 0xFEFF]]
PREFIXES = [
    "\x1b[2J",
    "\x9b31m",
    "::error::",
    "\n::error::x\n",
    "%0A::error::",
    "\r::warning::",
    "",
]
TEXTS = [p.text for p in PAYLOADS] + [f"a{c}b{p}" for c in CONTROLS for p in PREFIXES]
# place of the text -> spec
SPECS = {
    "key": "fpnc: 1\nname: mine\n{}: 1\n",
    "name": "fpnc: 1\nname: {}\n",
    "reference": "fpnc: 1\nname: mine\nlevels: 3..4\nnodes: {{td(l): [in(l), {}]}}\noutputs: td\n",
    "extends": "fpnc: 1\nname: mine\nextends: {}\n",
    "model": "fpnc: 1\nname: mine\nextends: panet\nmodel: {}\n",
    "raw": "fpnc: 1\nname: mine\n# {}\nfoo: 1\n",
}
FORMATS = ("text", "json", "github")


def test_texts_are_many():
    assert len(TEXTS) >= 500


def assert_clean(text):
    assert text.isascii()
    lines = text.split("\n")
    assert all(line.isprintable() for line in lines), ascii(text[:300])
    return lines


@pytest.mark.parametrize("place", SPECS)
@pytest.mark.parametrize("output_format", FORMATS)
def test_no_raw_character_and_no_command_is_printed(
    place, output_format, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    spec = tmp_path / "t.yaml"
    texts = TEXTS if place == "key" else TEXTS[::7]
    for text in texts:
        written = text.replace("\0", "") if place == "raw" else yaml_text(text)
        spec.write_text(SPECS[place].format(written), encoding="utf-8", newline="")
        main(["compile", "t.yaml", "--output-format", output_format])
        printed = capsys.readouterr()
        for stream in (printed.out, printed.err):
            lines = assert_clean(stream)
            commands = [line for line in lines if line.lstrip().startswith("::")]
            if stream is not printed.out or output_format != "github":
                assert commands == []
            assert all(line.startswith(("::error ", "::warning ")) for line in commands)
        if output_format == "json":
            json.loads(printed.out)
        elif output_format == "github":
            assert all(line.startswith("::") for line in printed.out.splitlines())


@pytest.mark.parametrize(
    "flag", ["--name", "--model", "--backbone", "--variant", "--levels", "-o", "spec"]
)
def test_arguments_are_printed_in_printable_characters(flag, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.yaml").write_text("fpnc: 1\nname: mine\nextends: panet\n")
    for text in TEXTS[::5]:
        if "\0" in text or text.startswith("-") or not text or "/" in text:
            continue
        words = ["compile", text] if flag == "spec" else ["compile", "t.yaml", f"{flag}={text}"]
        if flag == "-o":
            words = ["compile", "t.yaml", "-o", text, "--check"]
        with contextlib.suppress(SystemExit):
            main(words)
        printed = capsys.readouterr()
        assert_clean(printed.out)
        assert_clean(printed.err)


def test_every_code_point_is_printable():
    text = "".join(chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF)
    assert set(printable(text)) <= {chr(code) for code in range(0x20, 0x7F)}
    assert printable("\ud800").isascii()


def test_a_message_with_anything_in_it_is_shown_clean():
    for text in TEXTS:
        sink = Sink()
        sink.error("F203", f"a message of {text}", None, help=text)
        with pytest.raises(SpecError) as caught:
            sink.stop_on_errors()
        assert_clean(str(caught.value))
