"""Studies: one module for each question that a notebook asks. No plan needs them."""
