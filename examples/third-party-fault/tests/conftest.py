"""The fixture `arena`: a few containers to break things in."""

pytest_plugins = ["chaoskit.testing.fixtures"]
