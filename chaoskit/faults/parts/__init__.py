"""What several faults on the shelf have in common; nothing here is a fault."""
