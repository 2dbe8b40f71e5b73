"""Promise and measurement: whether a fault really does what it says, on real traffic."""
