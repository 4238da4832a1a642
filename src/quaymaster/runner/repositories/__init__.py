"""Repositories of source code: where they are, the git program, and the checkout of a build."""
