"""Stateless maths on meshes."""
