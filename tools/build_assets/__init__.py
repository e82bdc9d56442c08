"""Everything that ships in `src/mien/assets/`, and the demo scan, as one graph of what is made from what."""
