"""What starts releases and builds without somebody asking: clocks, pushes, sources, targets."""
