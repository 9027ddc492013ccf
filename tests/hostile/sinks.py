"""The fields of the language: for each, a small spec with one place for a payload.

`@@` is the place of a whole value or key, and `<<a@@b>>` that of a part of one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tests.hostile.payloads import Payload, yaml_text

TOPOLOGY = {
    "fpnc": "1",
    "name": "stranger",
    "title": "word",
    "source": "word",
    "model": "lab",
    "levels": "3..4",
    "nodes": "{td(l): [in(l), td(l+1)]}",
    "outputs": "td",
}
MODEL = {
    "fpnc": "1",
    "model": "lab",
    "title": "word",
    "backbone": "lcnet_035",
    "resolution": "64",
    "width": "8",
    "depth": "1",
    "heads": "{classes: 2, depth: 1}",
}
BASE = "fpnc: 1\nname: base\nlevels: 3..4\nnodes: {td(l): [in(l), td(l+1)]}\noutputs: td\n"
_PLACE = re.compile(r"<<(.*?)@@(.*?)>>|@@")


@dataclass(frozen=True)
class Sink:
    """Files with a place in one of them, or an option; `harmless` is a word that fits there."""

    name: str
    harmless: str
    topology: str
    model: str
    option: str = ""
    is_text: bool = False

    @property
    def twin(self) -> Payload:
        """The harmless word, as a payload."""
        return Payload(self.harmless, raw="<<" not in self.topology + self.model)

    def files(self, payload: Payload) -> dict[str, str]:
        """The files around a payload."""
        if self.option:
            return {"t.yaml": self.topology, "models/lab.yaml": self.model, "base.yaml": BASE}
        return {
            "t.yaml": _filled(self.topology, payload),
            "models/lab.yaml": _filled(self.model, payload),
            "base.yaml": BASE,
        }


def _filled(text: str, payload: Payload) -> str:
    def value(found: re.Match[str]) -> str:
        whole = (found[1] or "") + payload.text + (found[2] or "")
        return whole if payload.raw else yaml_text(whole)

    return _PLACE.sub(value, text)


def _document(fields: Mapping[str, str | None]) -> str:
    return "".join(f"{key}: {value}\n" for key, value in fields.items() if value is not None)


def _of_topology(name: str, harmless: str, /, is_text: bool = False, **fields: str | None) -> Sink:
    named = {key.replace("KEY", "@@"): value for key, value in fields.items()}
    return Sink(
        f"topology {name}",
        harmless,
        _document({**TOPOLOGY, **named}),
        _document(MODEL),
        is_text=is_text,
    )


def _of_model(name: str, harmless: str, /, is_text: bool = False, **fields: str | None) -> Sink:
    named = {key.replace("KEY", "@@"): value for key, value in fields.items()}
    return Sink(
        f"model {name}",
        harmless,
        _document(TOPOLOGY),
        _document({**MODEL, **named}),
        is_text=is_text,
    )


def _of_option(name: str, harmless: str) -> Sink:
    return Sink(f"option {name}", harmless, _document(TOPOLOGY), _document(MODEL), option=name)


def _nodes(name: str, harmless: str, nodes: str, /, **fields: str | None) -> Sink:
    return _of_topology(name, harmless, nodes=nodes, **fields)


def _op(name: str, harmless: str, op: str) -> Sink:
    return _of_topology(f"op {name}", harmless, op=op)


SINKS = [
    # the topology's own keys
    _of_topology("fpnc", "1", fpnc="@@"),
    _of_topology("name", "stranger", name="@@"),
    _of_topology("title", "word", title="@@", is_text=True),
    _of_topology("source", "word", source="@@", is_text=True),
    _of_topology("model", "lab", model="@@"),
    _of_topology("levels", "3..4", levels="@@"),
    _of_topology("inputs", "3..4", inputs="@@"),
    _of_topology("width", "8", width="@@"),
    _of_topology("width in a formula", "2", width="<<8 * @@>>"),
    _of_topology("depth", "1", depth="@@"),
    _of_topology("extends", "base", extends="@@"),
    _of_topology("after", "base", after="@@"),
    _of_topology("parallel", "base", parallel="[@@, base]", nodes=None, outputs=None),
    _of_topology("mirror", "base", parallel="[{mirror: @@}, base]", nodes=None, outputs=None),
    _of_topology("passes", "prune_single_input", passes="[@@]"),
    _of_topology("outputs", "td", outputs="@@"),
    _of_topology("outputs in a list", "td(3)", outputs="[@@, td(4)]"),
    _of_topology("another key", "depth", KEY="1"),
    _of_topology(
        "k", "1..2", k="@@", nodes="{'f(l, 1)': in(l), 'f(l, k)': 'f(l, k-1)'}", outputs="f"
    ),
    _of_topology("let name", "wide", let="{@@: 8}", width="8"),
    _of_topology("let value", "8", let="{wide: @@}", width="wide"),
    _of_topology("formula", "8", width="{formula: @@}"),
    _of_topology("published row", "8", width="{published: [@@, 9]}"),
    _of_topology("published phi", "0", width="{published: {@@: 8}}"),
    _of_topology("prologue", "none", prologue="@@"),
    _of_topology("prologue name", "pre", prologue="{<<@@(l)>>: backbone(l), in(l): backbone(l)}"),
    _of_topology("fusion", "sum", fusion="@@"),
    _of_topology("fusion kind", "softmax", fusion="{kind: @@}"),
    _of_topology("fusion granularity", "scalar", fusion="{kind: softmax, granularity: @@}"),
    _of_topology("fusion eps", "1e-4", fusion="{kind: fast_normalized, eps: @@}"),
    _of_topology("fusion key", "eps", fusion="{kind: fast_normalized, @@: 1e-4}"),
    _of_topology("fusion hidden", "4", fusion="{kind: spatial_softmax, hidden: @@}"),
    _of_topology(
        "gate by", "first", fusion="gate", gate="{by: @@}", nodes="{td(l): [in(l), in(l)]}"
    ),
    _of_topology(
        "gate pool", "max", fusion="gate", gate="{pool: @@}", nodes="{td(l): [in(l), in(l)]}"
    ),
    _of_topology("activation", "relu", activation="@@"),
    _of_topology("norm eps", "1e-3", norm="{eps: @@}"),
    _of_topology("norm momentum", "0.1", norm="{momentum: @@}"),
    _of_topology("adapters norm", "true", adapters="{norm: @@}"),
    _of_topology("adapters sharing", "per_edge", adapters="{sharing: @@}"),
    _of_topology("redundant_bias", "true", redundant_bias="@@"),
    _of_topology("up", "nearest", up="@@"),
    _of_topology("up block", "carafe", up="{block: @@}"),
    _of_topology("down", "max_pool", down="@@"),
    _of_topology("padding", "same", padding="@@"),
    # steps
    _op("word", "relu", "@@"),
    _op("word in a list", "relu", "[@@, conv1x1]"),
    _op("conv", "full", "{conv: @@, kernel: 3}"),
    _op("kernel", "3", "{conv: full, kernel: @@}"),
    _op("order", "conv", "{conv: full, kernel: 3, order: [@@]}"),
    _op("activation", "relu", "{conv: full, kernel: 3, activation: @@}"),
    _op("bias", "true", "{conv: full, kernel: 3, bias: @@}"),
    _op("width", "8", "{conv: full, kernel: 3, width: @@}"),
    _op("padding", "same", "{conv: full, kernel: 3, padding: @@}"),
    _op("key", "kernel", "{conv: full, @@: 3}"),
    _op("pool", "max", "{pool: @@, stride: 1, kernel: 3}"),
    _op("pool kernel", "3", "{pool: max, stride: 1, kernel: @@}"),
    _op("block", "c2f", "{block: @@}"),
    _op("block depth", "1", "{block: c2f, depth: @@}"),
    _op("block shortcut", "true", "{block: c2f, shortcut: @@}"),
    _op("block expansion", "0.5", "{block: c2f, expansion: @@}"),
    _op("block option", "depth", "{block: c2f, @@: 1}"),
    # nodes
    _nodes("family", "td", "{<<@@(l)>>: in(l)}", outputs="<<@@>>"),
    _nodes("named node", "bridge", "{@@: {level: 3, inputs: in(3)}, td(l): in(l)}"),
    _nodes("named output", "bridge", "{@@: {level: 3, inputs: in(3)}}", outputs="[@@]"),
    _nodes("declared level", "l", "{<<td(@@)>>: in(l)}"),
    _nodes("declared layer", "k", "{<<td(l, @@)>>: in(l)}", k="1..2"),
    _nodes("all inputs", "in(l)", "{td(l): @@}"),
    _nodes("input", "td(l+1)", "{td(l): [in(l), @@]}"),
    _nodes("input's name", "in", "{td(l): [in(l), <<@@(l)>>]}"),
    _nodes("input's level", "l", "{td(l): [in(l), <<in(@@)>>]}"),
    _nodes("input's layer", "k-1", "{td(l): in(l), 'f(l, k)': [in(l), <<f(l, @@)>>]}", k="1..2"),
    _nodes("node's level", "3", "{bridge: {level: @@, inputs: in(3)}, td(l): in(l)}"),
    _nodes("node's width", "8", "{td(l): {inputs: in(l), width: @@}}"),
    _nodes("node's keep", "true", "{td(l): {inputs: in(l), keep: @@}}"),
    _nodes("node's share", "tower", "{td(l): {inputs: [in(l), in(l)], share: @@}}"),
    _nodes("node's key", "keep", "{td(l): {inputs: in(l), @@: true}}"),
    _nodes("node's fusion", "max", "{td(l): {inputs: [in(l), in(l)], fusion: @@}}"),
    _nodes("edge's source", "in(l)", "{td(l): [in(l), {from: @@, via: relu}]}"),
    _nodes("edge's step", "relu", "{td(l): [in(l), {from: in(l), via: @@}]}"),
    _nodes("edge's key", "via", "{td(l): [in(l), {from: in(l), @@: relu}]}"),
    _nodes("nested fusion", "max", "{td(l): [in(l), {@@: [in(l), in(l)]}]}"),
    # the model's keys
    _of_model("fpnc", "1", fpnc="@@"),
    _of_model("model", "lab", model="@@"),
    _of_model("title", "word", title="@@", is_text=True),
    _of_model("source", "word", source="@@", is_text=True),
    _of_model("extends", "efficientdet", extends="@@"),
    _of_model("backbone", "lcnet_035", backbone="@@"),
    _of_model("backbone name", "lcnet_035", backbone="{name: @@}"),
    _of_model(
        "backbone name with channels",
        "lcnet_035",
        backbone="{name: @@, channels: {3: 48, 4: 88}, taps: {3: 2, 4: 3}}",
    ),
    _of_model(
        "backbone channels",
        "48",
        backbone="{name: lcnet_035, channels: {3: @@, 4: 88}, taps: {3: 2, 4: 3}}",
    ),
    _of_model(
        "backbone level",
        "3",
        backbone="{name: lcnet_035, channels: {@@: 48, 4: 88}, taps: {3: 2, 4: 3}}",
    ),
    _of_model(
        "backbone taps",
        "2",
        backbone="{name: lcnet_035, channels: {3: 48, 4: 88}, taps: {3: @@, 4: 3}}",
    ),
    _of_model("backbone drop_path_rate", "0.1", backbone="{name: lcnet_035, drop_path_rate: @@}"),
    _of_model("backbone key", "drop_path_rate", backbone="{name: lcnet_035, @@: 0.1}"),
    _of_model("resolution", "64", resolution="@@"),
    _of_model("resolution side", "64", resolution="[@@, 64]"),
    _of_model("heads classes", "2", heads="{classes: @@}"),
    _of_model("heads depth", "1", heads="{classes: 2, depth: @@}"),
    _of_model("heads width", "8", heads="{classes: 2, width: @@}"),
    _of_model("heads kind", "detection", heads="{classes: 2, kind: @@}"),
    _of_model("heads conv", "full", heads="{classes: 2, conv: @@}"),
    _of_model("heads prior", "0.01", heads="{classes: 2, prior: @@}"),
    _of_model("heads activation", "relu", heads="{classes: 2, activation: @@}"),
    _of_model("heads levels", "3", heads="{classes: 2, kind: segmentation, levels: @@}"),
    _of_model("anchors scale", "4", anchors="{scale: @@}"),
    _of_model("anchors octaves", "3", anchors="{octaves: @@}"),
    _of_model("anchors ratio", "1.0", anchors="{aspect_ratios: [@@]}"),
    _of_model("anchors side", "1.0", anchors="{aspect_ratios: [[@@, 1.0]]}"),
    _of_model("image mean", "0.5", image="{mean: [@@, 0.5, 0.5]}"),
    _of_model("image std", "0.5", image="{std: [@@, 0.5, 0.5]}"),
    _of_model("phi", "0..1", phi="@@"),
    _of_model("phi_prefix", "d", phi_prefix="@@"),
    _of_model("override key", "fusion", override="{@@: sum}"),
    _of_model("override fusion", "sum", override="{fusion: @@}"),
    _of_model("variant name", "wide", variants="{@@: {width: 16}}"),
    _of_model("variant key", "width", variants="{wide: {@@: 16}}"),
    # options
    *(
        _of_option(name, harmless)
        for name, harmless in {
            "variant": "d0",
            "model": "lab",
            "backbone": "lcnet_035",
            "name": "word",
            "levels": "3..4",
            "file": "t.yaml",
            "folder": "sub",
        }.items()
    ),
]
