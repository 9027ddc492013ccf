"""What changed between two specs, and what a change breaks."""
