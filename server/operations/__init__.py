"""What every operation of GraphQL passes, whatever carries it."""
