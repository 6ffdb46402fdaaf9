"""What answers at each address, and how it is spoken there."""
