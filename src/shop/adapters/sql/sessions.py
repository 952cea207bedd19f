"""Sessions, one-time tokens and signing keys in tables: fingerprints and ids, never a secret."""

from base64 import b64decode
from datetime import datetime

from sqlalchemy import LargeBinary, bindparam, delete, null, select

from shop.adapters.sql.database import Row, Write
from shop.adapters.sql.gathering import REMOVED, Gathered, Rank, Root
from shop.adapters.sql.schema import one_time_tokens, sessions, signing_keys
from shop.adapters.sql.schema.columns import UtcDateTime
from shop.adapters.sql.statements import Statement
from shop.adapters.sql.users import from_bytes
from shop.domain.identity import OneTimeToken, Session, SessionNotFound, SigningKey, TokenPurpose
from shop.domain.kernel.errors import NotFound
from shop.domain.kernel.identifiers import OneTimeTokenId, SessionId, SigningKeyId, UserId

SESSIONS = 4
"""Sessions are written after users: one that begins with its user points at a row that must be there."""
_SESSION = Root.of(sessions, fixed=["user_id", "browser", "created_at"])
_GET = Statement(select(sessions).where(sessions.c.id == bindparam("session_id")))
LIVE_SESSIONS = Statement(
    select(sessions)
    .where(
        sessions.c.user_id == bindparam("of_user"),
        sessions.c.revoked_at.is_(null()),
        sessions.c.expires_at > bindparam("now", type_=UtcDateTime()),
    )
    .order_by(sessions.c.last_seen_at.desc(), sessions.c.id.desc())
    .limit(bindparam("most"))
)
_DROP_SESSIONS = Statement(delete(sessions).where(sessions.c.user_id == bindparam("of_user")))
_TOKEN = Root.of(one_time_tokens, fixed=["purpose", "fingerprint", "user_id", "binding", "data", "created_at"])
_DROP_TOKENS = Statement(delete(one_time_tokens).where(one_time_tokens.c.user_id == bindparam("of_user")))
_FIND = Statement(
    select(one_time_tokens).where(one_time_tokens.c.fingerprint == bindparam("of_secret", type_=LargeBinary()))
)
_KEY = Root.of(signing_keys, fixed=["created_at"])
_GET_KEY = Statement(select(signing_keys).where(signing_keys.c.id == bindparam("key_id")))


def session_of(row: Row) -> Session:
    """The session in a row of the table."""
    return Session(
        id=SessionId(row["id"]),
        user_id=UserId(row["user_id"]),
        browser=row["browser"],
        fingerprint=row["fingerprint"],
        spent=tuple(b64decode(text) for text in row["spent"]),
        mfa=row["mfa"],
        source=row["source"],
        user_agent=row["user_agent"],
        created_at=row["created_at"],
        fresh_at=row["fresh_at"],
        last_seen_at=row["last_seen_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        version=row["version"],
    )


class SqlSessionRepository:
    """Sessions."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered

    async def get(self, session_id: SessionId) -> Session:
        row = await self._gathered.database.fetch_one(_GET, session_id=session_id.uuid)
        if row is None:
            raise SessionNotFound(f"There is no session {session_id}.")
        return session_of(row)

    async def live_of(self, user_id: UserId, now: datetime, limit: int = 100) -> list[Session]:
        rows = await self._gathered.database.fetch(LIVE_SESSIONS, of_user=user_id.uuid, now=now, most=limit)
        return [session_of(row) for row in rows]

    def save(self, session: Session) -> None:
        row = {
            "id": session.id.uuid,
            "user_id": session.user_id.uuid,
            "browser": session.browser,
            "fingerprint": session.fingerprint,
            "spent": [from_bytes(fingerprint) for fingerprint in session.spent],
            "mfa": session.mfa,
            "source": session.source,
            "user_agent": session.user_agent,
            "created_at": session.created_at,
            "fresh_at": session.fresh_at,
            "last_seen_at": session.last_seen_at,
            "expires_at": session.expires_at,
            "revoked_at": session.revoked_at,
        }
        rank = Rank.SETTINGS + SESSIONS
        self._gathered.save(rank, session.id.uuid, session, [_SESSION.write(rank, row, session.version)])

    def drop_of(self, user_id: UserId) -> None:
        self._gathered.add(Write(_DROP_SESSIONS, [{"of_user": user_id.uuid}], Rank.SETTINGS + SESSIONS))


class SqlOneTimeTokenRepository:
    """One-time tokens."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered

    async def find(self, fingerprint: bytes) -> OneTimeToken | None:
        row = await self._gathered.database.fetch_one(_FIND, of_secret=fingerprint)
        return token_of(row) if row is not None else None

    def save(self, token: OneTimeToken) -> None:
        row = {
            "id": token.id.uuid,
            "purpose": token.purpose.value,
            "fingerprint": token.fingerprint,
            "user_id": token.user_id.uuid if token.user_id else None,
            "binding": token.binding,
            "data": token.data,
            "tries": token.tries,
            "created_at": token.created_at,
            "expires_at": token.expires_at,
            "used_at": token.used_at,
        }
        self._gathered.save(Rank.SETTINGS, token.id.uuid, token, [_TOKEN.write(Rank.SETTINGS, row, token.version)])

    def drop_of(self, user_id: UserId) -> None:
        self._gathered.add(Write(_DROP_TOKENS, [{"of_user": user_id.uuid}], Rank.SETTINGS + REMOVED))


def token_of(row: Row) -> OneTimeToken:
    """The token in a row of the table."""
    return OneTimeToken(
        id=OneTimeTokenId(row["id"]),
        purpose=TokenPurpose(row["purpose"]),
        fingerprint=row["fingerprint"],
        user_id=UserId(row["user_id"]) if row["user_id"] is not None else None,
        binding=row["binding"],
        data=row["data"],
        tries=row["tries"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        used_at=row["used_at"],
        version=row["version"],
    )


class SqlSigningKeyRepository:
    """Signing keys."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered

    async def get(self, key_id: SigningKeyId) -> SigningKey:
        row = await self._gathered.database.fetch_one(_GET_KEY, key_id=key_id.uuid)
        if row is None:
            raise NotFound(f"There is no key {key_id}.")
        return signing_key_of(row)

    def save(self, key: SigningKey) -> None:
        row = {
            "id": key.id.uuid,
            "created_at": key.created_at,
            "retired_at": key.retired_at,
            "gone_at": key.gone_at,
        }
        self._gathered.save(Rank.SETTINGS, key.id.uuid, key, [_KEY.write(Rank.SETTINGS, row, key.version)])


def signing_key_of(row: Row) -> SigningKey:
    """The key in a row of the table."""
    return SigningKey(
        id=SigningKeyId(row["id"]),
        created_at=row["created_at"],
        retired_at=row["retired_at"],
        gone_at=row["gone_at"],
        version=row["version"],
    )
