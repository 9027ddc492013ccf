"""A compiled detector in a few lines."""

from fpncompiler.codegen.describe import network_sentence
from fpncompiler.diagnostics import printable
from fpncompiler.pipeline import Checked, Compiled


def summary(compiled: Checked | Compiled) -> list[str]:
    """What was compiled, and what it costs."""
    model, total = compiled.model, compiled.cost.total
    parameters = "unknown" if total.parameters is None else f"{total.parameters:,}"
    macs = "unknown" if total.macs is None else f"{total.macs / 1e9:,.3f} G"
    height, width = model.resolution
    lines = [
        f"{model.title}-{model.variant.capitalize()} with {compiled.topology.title}: "
        f"{network_sentence(compiled.network)}, backbone {model.backbone.name}",
        f"{parameters} parameters, {macs} multiply-accumulates at {height}x{width}",
    ]
    if note := _override_note(compiled):
        lines.append(note)
    return [printable(line) for line in lines]


def _override_note(compiled: Checked | Compiled) -> str:
    """Where the model's row settles the fusion in place of the topology."""
    if not compiled.fusion_overridden:
        return ""
    kind = compiled.topology.style.fusion.kind
    row = f"{compiled.model.name} {compiled.model.variant}"
    return f"note: {row} fuses by `{kind}`, as published, where a node does not say otherwise"
