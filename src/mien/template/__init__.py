"""The generic head: topology, canonical UV, parts, landmarks, 52 blendshapes, joints, PCA modes."""
