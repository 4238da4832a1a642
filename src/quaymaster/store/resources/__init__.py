"""What a project holds for its jobs, and the machines that do them."""
