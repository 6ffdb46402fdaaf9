"""Streams of what changes: read once and handed to everybody who asked the same."""
