"""What other servers' webhooks deliver, in the words of each, read to pushes."""
