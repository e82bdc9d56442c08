"""The renderer: a raster that makes skin look like skin, clay, and a path tracer."""
