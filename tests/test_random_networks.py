"""Random valid topologies: what is generated runs, and costs what the compiler said."""

import os

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

import fpncompiler
from fpncompiler.diagnostics import SpecError

EXAMPLES = 300 if os.environ.get("FPNC_HEAVY") else 25

MODEL_OPTIONS = {"backbone": "mobilenetv3_small_050", "num_classes": 2}


@st.composite
def fusions(draw):
    kind = draw(st.sampled_from(["sum", "weighted", "softmax", "fast_normalized"]))
    if kind == "sum":
        return kind
    return f"{{kind: {kind}, granularity: {draw(st.sampled_from(['scalar', 'channel', 'pixel']))}}}"


@st.composite
def convolutions(draw):
    short = draw(st.sampled_from(["none", "conv1x1", "conv3x3", ""]))
    if short:
        return short
    order = draw(
        st.sampled_from(
            ["act, conv, norm", "conv, norm, act", "conv, norm", "norm, act, conv", "act, conv"]
        )
    )
    conv = draw(st.sampled_from(["separable", "full"]))
    activation = draw(
        st.sampled_from(["silu", "relu6", "leaky_relu", "hard_swish", "mish", "gelu"])
    )
    return (
        f"{{conv: {conv}, kernel: {draw(st.sampled_from([1, 3, 5]))}, order: [{order}], "
        f"activation: {activation}}}"
    )


@st.composite
def topologies(draw):
    """Families that read the layer's inputs, the backbone, and families before them."""
    low, high = draw(st.sampled_from([(3, 5), (2, 5), (3, 7), (4, 6)]))
    families = [f"f{i}" for i in range(draw(st.integers(1, 4)))]
    lines = []
    for index, family in enumerate(families):
        readable = ["in(l)", "in(l-1..l+1)", "in(*)", "backbone(5)", f"in({low})"]
        readable += [f"{other}({at})" for other in families[:index] for at in ("l", "*", "l-1..l")]
        inputs = draw(st.lists(st.sampled_from(readable), min_size=1, max_size=4))
        if draw(st.booleans()):
            inputs.append(f"{family}(l{draw(st.sampled_from(['+1', '-1']))})")
        if not any(
            ref.endswith(("(l)", "(*)", "(5)", f"({low})", "l+1)", "..l)")) for ref in inputs
        ):
            inputs.append("in(l)")
        settings = [f"inputs: [{', '.join(inputs)}]", f"fusion: {draw(fusions())}"]
        settings += [f"op: {draw(convolutions())}", f"up: {draw(st.sampled_from(UPS))}"]
        settings += [f"down: {draw(st.sampled_from(DOWNS))}"]
        if draw(st.booleans()) and index < len(families) - 1:
            settings.append(f"width: {draw(st.sampled_from([8, 12]))}")
        lines.append(f"  {family}(l): {{{', '.join(settings)}}}")
    passes = draw(st.lists(st.sampled_from(["prune_single_input", "add_same_level_skip"])))
    return "\n".join(
        [
            "fpnc: 1",
            "name: random_network",
            f"levels: {low}..{high}",
            f"width: {draw(st.sampled_from([8, 16]))}",
            f"depth: {draw(st.integers(1, 3))}",
            f"padding: {draw(st.sampled_from(['same', 'symmetric']))}",
            f"redundant_bias: {draw(st.sampled_from(['true', 'false']))}",
            f"passes: [{', '.join(passes)}]",
            "nodes:",
            *lines,
            f"outputs: {families[-1]}",
            "",
        ]
    )


UPS = ["nearest", "bilinear"]
DOWNS = ["max_pool", "bilinear"]


def compiled_unless_raw(text):
    """None where pruning leaves an output that is the backbone's map, which heads cannot share."""
    try:
        return fpncompiler.compile_spec(text, **MODEL_OPTIONS)
    except SpecError as error:
        if {diagnostic.code for diagnostic in error.diagnostics} != {"F403"}:
            raise
        return None


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(topologies(), st.sampled_from([(128, 128), (150, 131)]))
def test_a_random_network_runs_and_costs_what_was_said(text, size):
    compiled = compiled_unless_raw(text)
    if compiled is None:
        return
    model = fpncompiler.load_model(text, **MODEL_OPTIONS)().eval()
    parts = {
        "network": model.network,
        "class_head": model.class_head,
        "box_head": model.box_head,
    }
    for name, part in parts.items():
        count = sum(p.numel() for p in part.parameters() if p.requires_grad)
        assert count == getattr(compiled.cost, name).parameters, text
    with torch.no_grad():
        class_logits, _ = model(torch.randn(1, 3, *size))
    levels = compiled.network.outputs
    expected = [tuple(-(-side // 2**level) for side in size) for level in levels]
    assert [tuple(m.shape[-2:]) for m in class_logits] == expected, text

    with FlopCounterMode(display=False) as counter, torch.device("meta"):
        meta = type(model)().eval()
        meta(torch.empty(1, 3, *compiled.model.resolution))
    assert counter.get_total_flops() == 2 * compiled.cost.total.macs, text
