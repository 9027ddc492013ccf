"""Detection data sets: COCO, Pascal VOC and YOLO folders as one form, checked."""
