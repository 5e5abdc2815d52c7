"""Probes: does anybody answer by way of this link."""
