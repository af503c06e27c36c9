"""What every package builds on: array types, errors, files that appear whole, progress, the machine."""
