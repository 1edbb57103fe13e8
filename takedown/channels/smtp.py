"""Mail over SMTP, with STARTTLS against a verified certificate where it is set."""

from __future__ import annotations

import asyncio
import ssl

import aiosmtplib

from takedown.channels import MailRoute, Outcome
from takedown.models import Notice

SECONDS = 60.0


def deliver(notice: Notice, route: MailRoute | None) -> Outcome:
    """Sends one notice. What failed before the server took the message is `failed`; after that it is `unknown`."""
    from takedown.notices import message_of

    if route is None:
        return Outcome("failed", "no mail host is set")
    message = message_of(notice, route.from_address)
    return asyncio.run(_send(route, notice.recipient, bytes(message), message["Message-ID"]))


async def _send(route: MailRoute, recipient: str, message: bytes, message_id: str) -> Outcome:
    context = ssl.create_default_context(cafile=route.certificate_authority) if route.starttls else None
    client = aiosmtplib.SMTP(
        hostname=route.host, port=route.port, start_tls=route.starttls, tls_context=context, timeout=SECONDS
    )
    try:
        await client.connect()
        if route.user is not None:
            await client.login(route.user, route.password or "")
        await client.mail(route.from_address)
        await client.rcpt(recipient)
    except (aiosmtplib.SMTPException, OSError, ValueError) as wrong:
        client.close()
        return Outcome("failed", _said(wrong))
    try:
        answer = await client.data(message)
    except aiosmtplib.SMTPDataError as refused:
        client.close()
        return Outcome("failed", _said(refused))
    except (aiosmtplib.SMTPException, OSError) as wrong:
        client.close()
        return Outcome("unknown", _said(wrong), message_id)
    try:
        await client.quit()
    except (aiosmtplib.SMTPException, OSError):
        client.close()  # it took the message already
    return Outcome("sent", f"{answer.code} {answer.message}"[:200], message_id)


def _said(wrong: Exception) -> str:
    return f"{type(wrong).__name__}: {' '.join(str(wrong).split())}"[:200]
