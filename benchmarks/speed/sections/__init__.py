"""What is measured: each module has `run(setting, budget)`, which gives its tables."""
