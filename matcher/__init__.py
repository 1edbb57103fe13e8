"""Says what a file is, whose participants it holds and which release it came from."""
