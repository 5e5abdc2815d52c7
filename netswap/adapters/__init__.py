"""Mechanism: each adapter speaks to one part of the system. They never import each other."""
