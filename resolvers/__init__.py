"""How each field is answered: a short session under the viewer's role, a named statement, a type."""
