"""What differs between two networks: nodes, settings, cost."""
