"""The main job shown end to end, driven only by an unmodified Azure DevOps client."""
