"""Gates, and the services that were asked and report later."""
