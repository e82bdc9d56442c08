"""What the scan shows, read through the registered surface into canonical UV: colour and relief."""
