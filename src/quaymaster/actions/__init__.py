"""What can be asked: one async function per request."""
