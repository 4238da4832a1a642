"""What is told to others: subscriptions and everything that is on its way out."""
