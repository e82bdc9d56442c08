"""Networks of Mien's own, as torch modules: no data, no files. Only training needs torch."""
