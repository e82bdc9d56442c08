"""Pictures made with the renderer: contact sheets, portraits, error maps."""
