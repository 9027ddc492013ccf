"""Training of generated detectors: EfficientDet's targets and losses, on accelerate and timm."""
