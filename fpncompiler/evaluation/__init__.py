"""How good a detector is: its detections on a data set, scored as COCO does."""
