"""Who works here: people, simulated labelers, and the pseudonymous authors of imported annotations."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Created, PrimaryKey, choices


class Role(StrEnum):
    LABELER = "labeler"
    RESEARCHER = "researcher"
    ADMIN = "admin"


class Cohort(StrEnum):
    """`held_out` labelers evaluate only; nothing they write is ever trained on (InstructGPT, section 3.4)."""

    TRAINING = "training"
    HELD_OUT = "held_out"


class Origin(StrEnum):
    PERSON = "person"
    SIMULATED = "simulated"
    IMPORTED = "imported"


class User(Base):
    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("(role = 'labeler') = (cohort IS NOT NULL)", name="labelers_have_a_cohort"),
        CheckConstraint("origin = 'imported' OR email IS NOT NULL", name="people_have_an_email"),
        CheckConstraint("origin <> 'imported' OR password_hash IS NULL", name="imported_never_sign_in"),
        Index("uq_users_email", func.lower(text("email")), unique=True),
        Index("uq_users_pseudonym", "name", unique=True, postgresql_where=text("origin = 'imported'")),
    )

    id: Mapped[PrimaryKey]
    name: Mapped[str]
    email: Mapped[str | None]
    role: Mapped[Role] = mapped_column(choices(Role, "role"))
    cohort: Mapped[Cohort | None] = mapped_column(choices(Cohort, "cohort"))
    origin: Mapped[Origin] = mapped_column(choices(Origin, "origin"), server_default=Origin.PERSON)
    language: Mapped[str] = mapped_column(server_default="en")
    password_hash: Mapped[str | None]
    sees_sensitive: Mapped[bool] = mapped_column(server_default=text("true"))  # else no campaigns with a warning
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[Created]

    @property
    def simulated(self) -> bool:
        return self.origin is Origin.SIMULATED


class SignedInSession(Base):
    """A browser that signed in. Only the SHA-256 of its token is kept; its forms are guarded by a hash of it."""

    __tablename__ = "sessions"

    id: Mapped[PrimaryKey]
    token_digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[Created]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class LinkPurpose(StrEnum):
    INVITE = "invite"
    RESET = "reset"
    SIGN_IN = "sign_in"


class OneTimeLink(Base):
    """An invitation, a password reset or a one-time sign-in: it expires and works once."""

    __tablename__ = "one_time_links"
    __table_args__ = (
        CheckConstraint("(purpose = 'invite') = (user_id IS NULL)", name="only_invitations_lack_a_user"),
        CheckConstraint("purpose <> 'invite' OR (email IS NOT NULL AND role IS NOT NULL)", name="invitation_complete"),
    )

    id: Mapped[PrimaryKey]
    token_digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    purpose: Mapped[LinkPurpose] = mapped_column(choices(LinkPurpose, "purpose"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    email: Mapped[str | None]
    role: Mapped[Role | None] = mapped_column(choices(Role, "role"))
    cohort: Mapped[Cohort | None] = mapped_column(choices(Cohort, "cohort"))
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[Created]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SignInAttempt(Base):
    """A failed sign-in, kept to slow down guessing by address and by account."""

    __tablename__ = "sign_in_attempts"
    __table_args__ = (Index("ix_sign_in_attempts_key_at", "key", "at"),)

    id: Mapped[PrimaryKey]
    key: Mapped[str]
    at: Mapped[Created]
