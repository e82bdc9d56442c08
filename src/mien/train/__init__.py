"""Training Mien's own networks on rendered random heads. Needs torch (the extra `train`)."""
