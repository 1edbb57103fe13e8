"""Where the parts are wired together and nothing is decided."""
