"""Figures and report from prefdyn result files; every number shown is read from the file."""
