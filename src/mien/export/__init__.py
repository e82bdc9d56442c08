"""The asset folder: writers of each format, and the judges of what was written."""
