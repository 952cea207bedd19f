"""Notifications as mail: into a folder for a demo, or to a mail server."""
