"""Files, mounts and disks of an instance, seen from outside."""
