"""What Mien promises, measured: one module a subcommand of `mien evaluate`."""
