"""Release candidates: cut, built, cherry-picked, and checked before they are deployed."""
