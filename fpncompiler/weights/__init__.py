"""Weights from elsewhere: files of state dicts, pretrained backbones, effdet's checkpoints."""
