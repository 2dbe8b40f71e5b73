"""A prober on another machine, as a run holds it: its clock, its samples on their way, its loss."""
