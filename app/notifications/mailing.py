"""E-mail: an event in the reader's language, as plain text and small HTML, handed to the server of the settings."""

import smtplib
import ssl
from contextlib import AbstractContextManager
from email.message import EmailMessage
from email.utils import formatdate
from html import escape

from app.accounts.models import User
from app.config import Settings
from app.errors import DomainError, message
from app.notifications.models import Event
from app.notifications.wording import sentence, subject
from app.translation import gettext, speaking, spoken_language, spoken_locale

SECONDS = 20.0
HTML = """<!doctype html>
<html lang="{language}" dir="{direction}">
<body>
<p>{sentence}</p>
<p><a href="{link}">{link}</a></p>
<p><small>{why} <a href="{settings}">{settings}</a></small></p>
</body>
</html>
"""


class MailNotConfigured(DomainError):
    sentence = message("No e-mail is sent: set RONDO_SMTP_HOST and RONDO_SMTP_FROM.")


class MailRefused(DomainError):
    sentence = message("The mail server did not take it: {reason}")


def send_mail(settings: Settings, event: Event, reader: User) -> None:
    """Raises `MailNotConfigured`, `MailRefused`."""
    if not settings.sends_mail:
        raise MailNotConfigured
    with speaking(reader.language):
        mail = mail_about(settings, event, reader)
    try:
        with _server(settings) as server:
            server.send_message(mail)
    except (smtplib.SMTPException, OSError) as error:
        raise MailRefused(reason=str(error) or type(error).__name__) from error


def mail_about(settings: Settings, event: Event, reader: User) -> EmailMessage:
    """In the language spoken."""
    mail = EmailMessage()
    mail["Subject"] = subject(event.kind, event.facts)
    mail["From"] = settings.smtp_from
    mail["To"] = reader.email
    mail["Date"] = formatdate(event.created_at.timestamp())
    mail["Message-ID"] = f"<{event.message_id}.{reader.id}@rondo.invalid>"  # the same where it has to be sent again
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answers, please
    said, link = sentence(event.kind, event.facts), settings.address(event.path)
    why, wishes = gettext("You asked to be told. Change that here:"), settings.address("/account/notifications")
    mail.set_content(f"{said}\n\n{link}\n\n-- \n{why} {wishes}\n")
    page = {"sentence": said, "link": link, "why": why, "settings": wishes, "language": spoken_language()}
    escaped = {name: escape(text) for name, text in page.items()}
    mail.add_alternative(HTML.format(**escaped, direction=spoken_locale().text_direction), subtype="html")
    return mail


def _server(settings: Settings) -> AbstractContextManager[smtplib.SMTP]:
    """Signed in where there is an account."""
    assert settings.smtp_host is not None
    safe = ssl.create_default_context()
    server: smtplib.SMTP
    if settings.smtp_security == "tls":
        server = smtplib.SMTP_SSL(settings.smtp_host, settings.smtp_port, timeout=SECONDS, context=safe)
    else:
        server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=SECONDS)
    try:
        if settings.smtp_security == "starttls":
            server.starttls(context=safe)
        if settings.smtp_user and settings.smtp_password:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
    except BaseException:
        server.close()
        raise
    return server
