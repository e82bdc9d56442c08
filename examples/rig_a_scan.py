"""Rig a scan: the head of examples/demo_scan.glb as an asset folder.

python examples/rig_a_scan.py [SCAN] [OUT]
"""

import sys
from pathlib import Path

import mien

scan = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("demo_scan.glb")
out = Path(sys.argv[2]) if len(sys.argv) > 2 else Path("out/demo")

asset = mien.rig(scan, out, force=True, progress=print)

fit = asset.quality["registration_mm"]
print(f"{out}: head to scan, median {fit['head_to_scan_median_mm']:.2f} mm")
print(f"taken out of the scan: {asset.quality['expression_in_scan'] or 'nothing'}")
