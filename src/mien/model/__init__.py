"""The model of faces: the linear one so far, fitted to the database and to registered scans."""
