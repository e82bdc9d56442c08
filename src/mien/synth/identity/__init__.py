"""What a synthetic head is made of: modes, traits, sizes, teeth."""
