"""Names in place of paths, under the audit hook: `python -m tests.hostile.opens`.

Prints, as JSON, which files were opened outside of the spec's folder and the package's specs.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

from fpncompiler.codegen import blocks  # noqa: E402
from fpncompiler.diagnostics import SpecError  # noqa: E402
from fpncompiler.pipeline import Options, compile_spec  # noqa: E402
from fpncompiler.spec.loading import SpecNotFoundError  # noqa: E402
from tests.hostile.payloads import yaml_text  # noqa: E402

SPEC = "fpnc: 1\nname: mine\nlevels: 3..4\n{}\n"
FIELDS = (
    "extends: {}",
    "after: {}",
    "model: {}",
    "parallel: [{}, fpn]",
    "parallel: [fpn, {{mirror: {}}}]",
)
NAMES = [
    "secret", "../secret", "../secret.yaml", "./secret", "secret.yaml", "sub/secret",
    "sub/../../secret",
    "..", ".", "/", "//", "~", "~/secret", "$HOME/secret", "${HOME}", "%HOME%", "/etc/passwd",
    "/etc/passwd\0", "secret\0", "secret\n", "/proc/self/environ", "/dev/zero", "/dev/stdin",
    "file:///etc/passwd", "http://127.0.0.1/x", "https://example.org/x.yaml", "ftp://x/y",
    "git+ssh://x/y", "data:text/yaml,fpnc: 1", "//host/share", "\\\\host\\share", "C:\\secret",
    "con", "nul", "aux", "..\\secret", "....//secret", "%2e%2e/secret", "..%2fsecret",
    "models/../../secret", "*", "?", "[a-z]*", "secret;ls", "`ls`", "$(ls)", "|ls", "-", "--",
    "@file", "specs/bifpn", "s\u0435cret", "\uff0e\uff0e/secret", "\u2024\u2024/secret",
]  # fmt: skip


def work() -> dict[str, object]:
    folder = Path(os.path.realpath(tempfile.mkdtemp()))
    project = folder / "project"
    (project / "models").mkdir(parents=True)
    (folder / "secret.yaml").write_text("fpnc: 1\nname: secret\n")
    (folder / "secret").write_text("secret")
    os.chdir(project)
    blocks.library()
    compile_spec(ROOT / "specs/fpn.yaml", Options())
    allowed = (project, ROOT / "specs", ROOT / "fpncompiler")
    outside: list[str] = []
    on = False

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if not on:
            return
        if event == "open" and isinstance(arguments[0], str | bytes):
            path = Path(os.path.realpath(os.fsdecode(arguments[0])))
            if not any(path.is_relative_to(parent) for parent in allowed):
                outside.append(str(path))
        elif event.startswith(("socket.", "urllib.", "subprocess.", "os.system", "os.exec")):
            outside.append(event)

    sys.addaudithook(hook)
    count = 0
    for field in FIELDS:
        for name in NAMES:
            spec = project / "t.yaml"
            spec.write_text(SPEC.format(field.format(yaml_text(name))))
            on = True
            try:
                compile_spec(spec, Options())
            except (SpecError, SpecNotFoundError):
                count += 1
            finally:
                on = False
    for name in NAMES:
        on = True
        try:
            compile_spec(ROOT / "specs/fpn.yaml", Options(model=name))
        except (SpecError, SpecNotFoundError):
            count += 1
        finally:
            on = False
    os.chdir(ROOT)
    shutil.rmtree(folder)
    return {"refused": count, "tried": (len(FIELDS) + 1) * len(NAMES), "outside": outside}


if __name__ == "__main__":
    print(json.dumps(work()))
