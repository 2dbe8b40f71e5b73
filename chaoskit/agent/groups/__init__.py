"""The processes of an instance and their limits: control groups, signals, work beside them."""
