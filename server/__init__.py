"""The process: settings, identity, the ASGI application, commands, embedded PostgreSQL."""
