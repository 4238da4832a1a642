"""Older shapes of the API, each as its difference to the next newer one."""
