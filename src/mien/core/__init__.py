"""Plain types, conventions, files and errors that every other room shares."""
