"""What the compiler tells a person."""
