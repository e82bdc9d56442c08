"""One person's rig: blendshapes, joints, quality."""
