"""The import statements at the head of a generated file."""

from fpncompiler.codegen.blocks import Import, imports_for

# Of the names that blocks import, those that come from the standard library.
STANDARD_LIBRARY = ("collections", "copy", "math", "typing")
# What the templates name themselves.
TEMPLATE_IMPORTS = ("Sequence", "Tensor", "nn", "torch")


def import_statements(names: frozenset[str]) -> str:
    """Import statements for the names, the standard library first, sorted as isort would."""
    found = imports_for({*names, *TEMPLATE_IMPORTS})
    groups = [
        [i for i in found if (i.module.partition(".")[0] in STANDARD_LIBRARY) is standard]
        for standard in (True, False)
    ]
    return "\n\n".join("\n".join(_import_lines(group)) for group in groups if group)


def _import_lines(imports: list[Import]) -> list[str]:
    plain = sorted(f"import {i.module}" for i in imports if not i.name)
    modules: dict[str, list[str]] = {}
    aliased = []
    for found in imports:
        if found.name and found.alias:
            aliased.append((found.module, f"{found.name} as {found.alias}"))
        elif found.name:
            modules.setdefault(found.module, []).append(found.name)
    lines = [(module, ", ".join(sorted(names))) for module, names in modules.items()]
    return plain + [f"from {module} import {names}" for module, names in sorted(lines + aliased)]
