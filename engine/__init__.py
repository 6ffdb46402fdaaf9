"""The rules of a batch and the words all share: pure, without I/O, standard library alone."""
