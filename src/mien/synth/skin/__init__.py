"""Skin in canonical UV at any resolution, from what it is made of to its pores."""
