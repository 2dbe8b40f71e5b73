"""The transparent proxy: one loop of its own, bytes passed on as they are, and HTTP understood."""
