"""What the subcommands of `mien evaluate` measure with."""
