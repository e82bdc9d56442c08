"""What several subcommands of `mien evaluate` share, and the parts of the larger ones."""
