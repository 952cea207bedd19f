"""Signing in with Google, GitHub, or any OpenID provider."""
