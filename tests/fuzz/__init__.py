"""Hostile input: properties that hold whatever comes in from outside.

`make unit` tries each with a few examples, `make fuzz` with millions, led by coverage.
"""
