"""Java clients on the jar of java/, and what runs them."""
