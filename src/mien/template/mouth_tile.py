"""How the mouth's tiles are shared out; written once for the template's UVs and for the maps.

Rectangles are (u0, u1, v0, v1). The tile "mouth" holds gums, palate, floor, tongue and the mouth socket;
the tile "teeth" has eight columns, incisor to third molar, the upper jaw above.
"""

# Laid out by hand.
GUMS_LOWER = (0.01, 0.99, 0.01, 0.20)  # unrolled bands, facial side at the bottom
GUMS_UPPER = (0.01, 0.99, 0.21, 0.40)
PALATE = (0.01, 0.33, 0.42, 0.74)  # front at the top
FLOOR = (0.01, 0.33, 0.76, 0.99)
TONGUE_TOP = (0.35, 0.56, 0.42, 0.99)  # tip at the bottom
TONGUE_UNDER = (0.57, 0.66, 0.42, 0.99)
SOCKET = (0.67, 0.99, 0.42, 0.99)

TOOTH_COLUMNS = 8  # kinds of teeth, from the middle
TOOTH_SIDES = (0.01, 0.73)  # in a tooth's cell: neck to edge, unrolled from the lingual side
TOOTH_CAP = (0.5, 0.86, 0.40, 0.10)  # the occlusal disc: centre and half-axes
