"""What people ask of a deployment: start, approve, stop, freeze, and say why it waits."""
