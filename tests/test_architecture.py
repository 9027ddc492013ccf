"""The house: which part imports which, what stays unloaded, how large things are."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "fpncompiler"
FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in FILES
}

# part -> the parts that it may import, apart from itself; "" is the package's own `__init__`
ARROWS = {
    "": {"api"},
    "__main__": {"cli"},
    "cli": {
        "",
        "api",
        "authoring",
        "backbones",
        "bakeoff",
        "breakage",
        "codegen",
        "comparison",
        "datasets",
        "detection",
        "detectors",
        "diagnostics",
        "difference",
        "drawing",
        "evaluation",
        "explain",
        "ir",
        "mending",
        "opt",
        "options",
        "passes",
        "pipeline",
        "plugins",
        "prediction",
        "reading",
        "report",
        "revisions",
        "spec",
        "training",
        "weights",
    },
    "breakage": {"reading"},
    "reading": set(),
    "difference": {"pipeline", "ir"},
    "revisions": {"spec", "diagnostics"},
    "explain": {"diagnostics"},
    "opt": {"passes", "plugins", "ir", "diagnostics"},
    "mending": {"pipeline", "options", "spec", "codegen", "diagnostics"},
    "authoring": {"spec", "codegen"},
    "api": {"pipeline", "codegen", "drawing", "spec", "diagnostics"},
    "report": {"pipeline", "options", "codegen", "analysis", "backbones", "ir", "diagnostics"},
    "drawing": {"ir"},
    "comparison": {"", "pipeline", "drawing", "spec", "analysis", "ir", "diagnostics", "timing"},
    "timing": set(),
    "pipeline": {
        "passes",
        "assembly",
        "request",
        "lints",
        "options",
        "provenance",
        "analysis",
        "backbones",
        "codegen",
        "spec",
        "ir",
        "diagnostics",
    },
    "request": {"options", "backbones", "spec", "ir", "diagnostics"},
    "assembly": {"fit", "spec", "passes", "ir", "diagnostics"},
    "fit": {"spec", "analysis", "ir", "diagnostics"},
    "lints": {"assembly", "analysis", "ir", "diagnostics"},
    "options": {"spec"},
    "provenance": {"options", "spec", "codegen", "diagnostics"},
    "codegen": {"analysis", "plugins", "kinds", "ir"},
    "analysis": {"backbones", "plugins", "kinds", "work", "ir"},
    "passes": {"ir"},
    "spec": {"plugins", "kinds", "ir", "diagnostics"},
    "plugins": {"builtin_kinds", "kinds", "ir"},
    "builtin_kinds": {"builtin_memory", "kinds"},
    "builtin_memory": {"kinds", "work"},
    "work": set(),
    "kinds": set(),
    "ir": {"diagnostics", "kinds"},
    "diagnostics": set(),
    "backbones": set(),
    "blocks": set(),
    "detection": {"blocks", "datasets", "timing"},
    "prediction": {"datasets", "detection", "detectors", "evaluation"},
    "datasets": {"diagnostics"},
    "training": {
        "",
        "codegen",
        "datasets",
        "detection",
        "detectors",
        "diagnostics",
        "evaluation",
        "weights",
    },
    "bakeoff": {"codegen", "datasets", "detectors", "diagnostics", "training"},
    "evaluation": {"codegen", "datasets", "detection", "detectors", "diagnostics"},
    "detectors": {"api", "codegen", "diagnostics", "options", "pipeline", "spec", "weights"},
    "weights": {"codegen", "detection", "diagnostics"},
}
TORCH = {"torch", "timm", "torchvision"}
# what a part may import from outside; the standard library is free to all but the blocks
OUTSIDE = {
    "ir": {"networkx"},
    "codegen": {"jinja2"},
    "spec": {"yaml"},
    "blocks": TORCH,
    "datasets": {"PIL", "torch", "yaml"},
    "drawing": {"resvg_py"},
    "detectors": {"safetensors", "torch"},
    "prediction": {"PIL", "av", "numpy", "torch"},
    "training": {"torch", "torchvision", "timm", "accelerate", "matplotlib", "safetensors"},
    "evaluation": {"matplotlib", "numpy", "pycocotools", "torch"},
    "weights": {"huggingface_hub", "safetensors", "timm", "torch"},
    "bakeoff": {"ray", "torch"},
    "cli": {"torch", "tqdm"},  # where latency is measured
    "comparison": {"PIL", "jinja2", "markupsafe", "matplotlib"},
}
BLOCKS_STANDARD = {"collections", "copy", "math", "typing"}


def part_of(module: str) -> str:
    return [*module.split("."), ""][1]


def imports(path: Path, *, run_time: bool = True) -> list[str]:
    """The modules that a file imports anywhere, those for type checkers left out."""
    tree = ast.parse(path.read_text())
    skipped = {id(part) for node in ast.walk(tree) if _for_types(node) for part in ast.walk(node)}
    found = []
    for node in ast.walk(tree):
        if run_time and id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [name if name in MODULES else str(node.module) for name in names]
    return found


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


@pytest.mark.parametrize("module", MODULES)
def test_imports_follow_the_arrows(module):
    part = part_of(module)
    own = {part_of(name) for name in imports(MODULES[module]) if name.startswith("fpncompiler")}
    assert own - {part} <= ARROWS[part]


@pytest.mark.parametrize("module", MODULES)
def test_part_imports_only_its_own_libraries(module):
    part = part_of(module)
    names = {name.partition(".")[0] for name in imports(MODULES[module])} - {"fpncompiler"}
    if part == "detection":
        return
    assert names - set(sys.stdlib_module_names) <= OUTSIDE.get(part, set())
    if part == "blocks":
        assert names & set(sys.stdlib_module_names) <= BLOCKS_STANDARD


def test_networkx_has_one_owner():
    users = [
        m for m, path in MODULES.items() if any(n.startswith("networkx") for n in imports(path))
    ]
    assert users == ["fpncompiler.ir.graph"]


def test_modules_import_in_no_circle():
    arrows = {m: {n for n in imports(p) if n in MODULES and n != m} for m, p in MODULES.items()}
    for targets in arrows.values():
        targets -= {"fpncompiler"}  # for its version; it imports the api when it is asked to
    assert [*graphlib.TopologicalSorter(arrows).static_order()]


def loaded_after(code: str, folder: Path) -> set[str]:
    """Which of torch's libraries a fresh process has loaded after some code."""
    script = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\n"
    script += f"print('loaded', *sorted(set(sys.modules) & {TORCH!r}))"
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True
    )
    return set(found.stdout.splitlines()[-1].split()[1:])


BIFPN = (ROOT / "specs/bifpn.yaml").as_posix()


@pytest.mark.parametrize(
    "code",
    [
        f"from fpncompiler.cli import main; assert main(['compile', '{BIFPN}']) == 0",
        f"from fpncompiler.cli import main; assert main(['check', '{BIFPN}']) == 0",
        f"from fpncompiler.cli import main; assert main(['draw', '{BIFPN}']) == 0",
        f"from fpncompiler.cli import main; assert main(['diff', '{BIFPN}', 'bifpn']) == 0",
        f"from fpncompiler.cli import main; assert main(['breaking', '{BIFPN}', 'panet']) == 1",
        f"from fpncompiler.cli import main; assert main(['compare', '{BIFPN}']) == 0",
        "from fpncompiler.cli import main; assert main(['data', 'check', 'nowhere']) == 2",
        "from fpncompiler.datasets.opening import open_dataset",
        "from fpncompiler.cli import main; main(['--help'])",
        "from fpncompiler.cli import main; main(['compile', '--help'])",
        "from fpncompiler.cli import main; main(['predict', '--help'])",
        f"import fpncompiler; fpncompiler.compile_spec('{BIFPN}', 3)",
    ],
    ids=[
        *("compile", "check", "draw", "diff", "breaking", "compare", "data", "open_dataset"),
        *("help", "compile help", "predict help", "api"),
    ],
)
def test_torch_stays_unloaded(code, tmp_path):
    assert loaded_after(code, tmp_path) == set()


@pytest.mark.parametrize("module", MODULES)
def test_files_stay_under_400_lines_and_functions_under_60(module):
    text = MODULES[module].read_text()
    assert text.count("\n") < 400
    functions = (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef))
    long = {f.name: f.end_lineno - f.lineno + 1 for f in functions}
    assert {name: lines for name, lines in long.items() if lines >= 60} == {}


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_evaluated(module):
    tree = ast.parse(MODULES[module].read_text())
    calls = (n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and hasattr(n.func, "id"))
    assert {"eval", "exec", "globals", "locals", "__import__", "compile"}.isdisjoint(calls)
    assert not any(isinstance(n, ast.Global) for n in ast.walk(tree))


def test_compiler_catches_everything_in_one_place_at_most():
    broad = [
        module
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and part_of(module) != "detection"
        if node.type is None or {"Exception", "BaseException"} & set(_words(node.type))
    ]
    # `api` cleans up after any interruption, and raises it again; `plugins` calls
    # code of others, and says whose fault it is
    assert broad == [
        "fpncompiler.api",
        "fpncompiler.cli.entry",
        "fpncompiler.plugins",
    ]


def _words(node: ast.AST) -> list[str]:
    return [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
