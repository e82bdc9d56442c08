"""Face databases: the format on disk, the sampler in memory, frozen releases."""
