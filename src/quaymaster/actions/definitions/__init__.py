"""Release definitions: saved, checked, and which artifacts they take."""
