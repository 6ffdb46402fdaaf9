"""Streams of what changes: read once, rendered once, handed to everybody who asked the same."""
