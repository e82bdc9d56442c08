"""Pose a head: blendshapes by ARKit's names, joints by angle, one pose or a batch.

python examples/pose_a_head.py [ASSET]      # an asset folder; the generic head when left out
"""

import sys

import numpy as np

import mien

rig = mien.load(sys.argv[1]).rig if len(sys.argv) > 1 else mien.Rig.on(mien.load_template())

# One pose: metres, +Y up, the face toward +Z. Angles are radians about the axes of the rest pose.
vertices, landmarks = rig({"jawOpen": 0.4, "mouthSmileLeft": 1.0}, {"eye_left": np.array([0.0, 0.3, 0.0])})
print("vertices", vertices.shape, "landmarks", landmarks.shape)
print("joints:", ", ".join(joint.name for joint in rig.joints))

# A batch: an array of 52 weights a pose, in the order of `rig.names`.
weights = np.random.default_rng(0).random((8, 52)) * 0.3
print("a batch:", rig(weights).vertices.shape)

# The same in torch, differentiable: which blendshapes bring the mouth's left corner 5 mm further out?
try:
    import torch
except ImportError:
    sys.exit("torch is not installed: pip install -e '.[train]'")
twin = rig.torch()
weights = torch.zeros(1, 52, dtype=torch.float64, requires_grad=True)
corner = rig({}).landmarks[54]  # Multi-PIE's 68, counted from 0
goal = torch.tensor(corner + [0.005, 0.0, 0.0])
optimiser = torch.optim.Adam([weights], lr=0.02)
for _ in range(40):
    optimiser.zero_grad()
    loss = (twin(weights).landmarks[0, 54] - goal).norm() + 1e-4 * weights.abs().sum()
    loss.backward()
    optimiser.step()
found = weights.detach()[0]
most = found.abs().argsort(descending=True)[:3].tolist()
print(", ".join(f"{rig.names[k]} {found[k]:+.2f}" for k in most), f": {1000 * loss:.1f} mm left")
