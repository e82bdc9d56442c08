"""What is promised, measured: one module a subcommand of `mien evaluate`, named after it."""
