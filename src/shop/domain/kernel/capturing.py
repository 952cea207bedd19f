"""When money that a buyer's bank has promised is taken."""

from enum import StrEnum


class CapturePolicy(StrEnum):
    """AUTOMATIC: as soon as it is authorised. MANUAL: when people, or what they send out, ask for it."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"
