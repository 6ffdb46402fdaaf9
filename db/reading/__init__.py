"""Reading: each selection of the API becomes one statement, over a map of what its fields are read from."""
