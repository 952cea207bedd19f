"""What may be a password."""

from shop.domain.passwords.blocklist import is_common
from shop.domain.passwords.rule import BYTES_MAX, LENGTH_MAX, LENGTH_MIN, checked_password, normalised

__all__ = ["BYTES_MAX", "LENGTH_MAX", "LENGTH_MIN", "checked_password", "is_common", "normalised"]
