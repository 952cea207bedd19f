"""Slow hashes of passwords: bcrypt or Argon2id, and what older shops made."""
