"""An evaluation as lines for a terminal."""

from fpncompiler.detection.labelling import short
from fpncompiler.evaluation.coco import Evaluation

UNKNOWN = "-"
NAME_WIDTH = 24
_ROWS = (
    ("AP", "IoU 0.50 to 0.95", "AR1", "1 detection an image"),
    ("AP50", "IoU 0.50", "AR10", "10"),
    ("AP75", "IoU 0.75", "AR100", "100"),
    ("APs", "area below 32 x 32", "ARs", "100, area below 32 x 32"),
    ("APm", "up to 96 x 96", "ARm", "100, up to 96 x 96"),
    ("APl", "above", "ARl", "100, above"),
)


def evaluation_lines(evaluation: Evaluation) -> list[str]:
    """The twelve figures, and a row for each class; `-` where there is nothing to be found."""
    lines = [f"{'average precision':33}average recall"]
    for precision, what, recall, how in _ROWS:
        left = f"  {precision:5} {figure(evaluation.figures[precision])}  {what}"
        lines.append(f"{left:33}  {recall:6} {figure(evaluation.figures[recall])}  {how}")
    width = max([len("class"), *(len(_name(each.name)) for each in evaluation.classes)])
    lines += ["", f"{'class':{width}}  labels  detections     AP   AP50  AR100"]
    lines += [
        f"{_name(each.name):{width}}  {each.boxes:6}  {each.detections:10}  "
        f"{figure(each.ap)}  {figure(each.ap50)}  {figure(each.ar100)}"
        for each in evaluation.classes
    ]
    return lines


def figure(value: float | None) -> str:
    """Five letters: `0.410`, or `-`."""
    return f"{UNKNOWN:>5}" if value is None else f"{value:5.3f}"


def _name(name: str) -> str:
    plain = short(name)
    return plain if len(plain) <= NAME_WIDTH else f"{plain[: NAME_WIDTH - 3]}..."
