"""The address that clients use: taken before anything slow starts, and guarded by a key where others can reach it."""

import ipaddress
import os
import re
import socket

from rustml.errors import EnvironmentFault, InputError
from rustml.profile.serve import ServeSection

SHORTEST_KEY = 16
"""Characters."""


def listen(section: ServeSection) -> socket.socket:
    """A socket bound to the profile's address. It accepts nobody yet: a client is refused until the server is ready.

    Raises EnvironmentFault where the address is taken or not this machine's.
    """
    try:
        return _bind(section)
    except OSError as error:
        raise EnvironmentFault(
            f"cannot listen on {section.host}:{section.port} ({error.strerror}); "
            f"end what listens there, or set serve.port to another port or to 0 for a free one"
        ) from error


def _bind(section: ServeSection) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        section.host, section.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def url(bound: socket.socket, section: ServeSection) -> str:
    """Base URL of the OpenAI API behind a socket that `listen` made."""
    host = f"[{section.host}]" if ":" in section.host else section.host
    return f"http://{host}:{bound.getsockname()[1]}/v1"


def access_key(section: ServeSection) -> str:
    """The key that clients must give, from the environment; empty where none is asked for.

    Raises InputError where the address is not loopback and there is no key, and for a key that is short or not one
    word of ASCII. The key is not repeated.
    """
    key = os.environ.get(section.key_variable, "")
    if not key:
        if not is_loopback(section.host):
            raise InputError(
                f"serve.host: {section.host} can be reached from other machines, so clients need a key: put one of at "
                f"least {SHORTEST_KEY} characters into the environment variable {section.key_variable}"
            )
        return ""
    return _secret(key, section.key_variable)


def webhook_secret(section: ServeSection) -> str:
    """The secret of MLflow's webhook, from the environment; empty where there is none. Raises as `access_key` does."""
    secret = os.environ.get(section.webhook_variable, "")
    return _secret(secret, section.webhook_variable) if secret else ""


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address. A name other than `localhost` may stand for any address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _secret(text: str, variable: str) -> str:
    if not re.fullmatch(rf"[\x21-\x7e]{{{SHORTEST_KEY},}}", text):
        raise InputError(f"{variable} must be one word of ASCII of at least {SHORTEST_KEY} characters")
    return text
