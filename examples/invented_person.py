"""Draw and render an invented person: head, expressions and skin are a function of (seed, index).

python examples/invented_person.py [INDEX] [PNG]
"""

import sys

import mien

index = int(sys.argv[1]) if len(sys.argv) > 1 else 7
png = sys.argv[2] if len(sys.argv) > 2 else "person.png"

person = mien.SyntheticPerson.draw(index)
mien.draw_portrait(person, png, expression={"mouthSmileLeft": 0.6, "mouthSmileRight": 0.6})

print(f"{png}: {person.subject.age:.0f} years old, Monk skin tone {person.subject.monk}")
print("maps:", ", ".join(sorted(person.maps)))
smile = person.pose({"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0}) - person.neutral
print(f"a full smile moves this face by up to {1000 * abs(smile).max():.0f} mm")
