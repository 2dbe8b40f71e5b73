"""A target in a cluster: how it is started, reached, looked at and broken through the API server."""
