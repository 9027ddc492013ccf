"""What the 90 classes of released detectors are called, by COCO's category ids less one.

Ten of the ids have no boxes in COCO: Lin et al., Microsoft COCO, 2014, appendix II, names them.
"""

from collections.abc import Sequence

COCO_NAMES = (
    *("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"),
    *("traffic light", "fire hydrant", "street sign", "stop sign", "parking meter", "bench"),
    *("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"),
    *("hat", "backpack", "umbrella", "shoe", "eye glasses", "handbag", "tie", "suitcase"),
    *("frisbee", "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove"),
    *("skateboard", "surfboard", "tennis racket", "bottle", "plate", "wine glass", "cup", "fork"),
    *("knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli", "carrot"),
    *("hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed", "mirror"),
    *("dining table", "window", "desk", "toilet", "door", "tv", "laptop", "mouse", "remote"),
    *("keyboard", "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator"),
    *("blender", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush"),
)


def class_names(count: int) -> Sequence[str]:
    """COCO's names where there are as many, else numbers."""
    if count == len(COCO_NAMES):
        return COCO_NAMES
    return [f"class {number}" for number in range(1, count + 1)]
