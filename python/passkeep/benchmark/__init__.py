"""Measures this machine: which cipher it is quicker with."""
