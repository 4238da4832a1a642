"""Telling others of what happened: subscriptions, mails and badges."""
