"""A studio's own base mesh: the head, its rig and its maps on somebody else's topology and UVs."""
