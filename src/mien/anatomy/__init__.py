"""Eyes, lids, lips, mouth and teeth: where they sit in a head and how they touch. Read in this order:

eyeball, gaze          an eyeball's surface, and how far it turns
parts                  eyes, sockets, teeth, lashes and so on set into a new head (`place_parts`): in
                       eye_placement, eye_sockets, mouth_placement, mouth_walls, lid_riders
contact/               lids on eyeballs and on each other, lips on each other: one mechanism
seating                a drawn skin made a head: its linings follow (following_skin), lids and lips touch
opened_lids, skin_mesh eyes that were closed in a scan; which vertices are skin
"""
