"""What starts releases and builds by itself, and what has fired."""
