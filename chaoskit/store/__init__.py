"""Object stores that runs go to and come from, through fsspec; nothing of it is imported unasked."""
