"""Text outputs as they should be, one file each; GOLDEN=overwrite renews them, and git shows what changed."""

import os
from pathlib import Path

FOLDER = Path(__file__).parent


def same(name: str, text: str) -> bool:
    """Whether an output is what is stored under this name."""
    path = FOLDER / name
    if os.environ.get("GOLDEN") == "overwrite":
        path.write_bytes(text.encode())
    assert text == path.read_bytes().decode(), f"{name} changed; GOLDEN=overwrite renews it"
    return True
