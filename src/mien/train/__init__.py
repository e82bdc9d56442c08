"""Training Mien's own networks. Needs torch (the extra `train`)."""
