"""Packets and connections of an instance: rules, queues, shaping, and what travels over them."""
