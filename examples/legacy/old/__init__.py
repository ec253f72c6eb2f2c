"""The office's old application, as it was found: one Flask app, one database, nothing of Decant."""
