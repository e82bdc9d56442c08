"""The stages in order, one module a verb of the command line."""
