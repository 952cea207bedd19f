"""Second steps of a sign-in: codes of an app, and passkeys."""
