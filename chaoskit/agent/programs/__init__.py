"""Helper processes of the agent: one file a program, each in the instance's own namespaces."""
