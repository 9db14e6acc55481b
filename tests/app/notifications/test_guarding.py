from ipaddress import ip_address

import pytest
from sqlalchemy import select

from app.config import Settings
from app.db import transaction
from app.notifications.guarding import AddressRefused, HostNotFound, address_to_reach, is_allowed, is_public
from app.notifications.models import Delivery
from app.notifications.posting import NoAnswer, post
from tests.app.notifications.test_webhooks import told
from tests.loops import awaited
from tests.receiver import receiver


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.9",
            "172.16.0.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "224.0.0.1",
        ),
        *("255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1"),
        *("64:ff9b::7f00:1", "2002:7f00:1::"),
    ],
)
def test_no_private_address_is_public_however_it_is_written(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "::ffff:93.184.216.34"])
def test_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("allowed", ["hooks.lan", "HOOKS.LAN", "10.0.0.0/8", "10.1.2.3", "*", "other, 10.1.0.0/16"])
def test_a_host_or_its_network_can_be_allowed(allowed: str) -> None:
    assert is_allowed("hooks.lan", ip_address("10.1.2.3"), allowed)


@pytest.mark.parametrize("allowed", ["", " , ", "lan", "192.168.0.0/16", "hooks.lan.example.org", "fd00::/8"])
def test_nothing_else_is_allowed_with_it(allowed: str) -> None:
    assert not is_allowed("hooks.lan", ip_address("10.1.2.3"), allowed)


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.1"])
def test_every_way_to_write_this_machine_is_refused(host: str) -> None:
    with pytest.raises(AddressRefused):
        awaited(address_to_reach(host, 80, ""))


def test_a_host_that_is_nowhere_is_not_found() -> None:
    with pytest.raises(HostNotFound):
        awaited(address_to_reach("nowhere.invalid", 80, ""))


def test_nothing_reaches_a_private_receiver_unless_it_is_allowed(fresh_database, deliver_now) -> None:
    with receiver() as found:
        told(fresh_database, found.url)
        deliver_now()
        assert found.received == []
    with transaction(fresh_database) as session:
        (attempt,) = session.scalars(select(Delivery)).one().attempts
    assert attempt["status"] is None
    assert "RONDO_WEBHOOK_HOSTS" in attempt["error"]


def test_the_receiver_sees_the_name_that_was_asked_for() -> None:
    with receiver() as found:
        url = found.url.replace("127.0.0.1", "localhost")
        assert post(Settings(webhook_hosts="localhost"), url, {"webhook-id": "1"}, b"{}") == 204
        ((headers, _),) = found.received
        assert headers["host"].startswith("localhost:")


def test_nobody_there_is_no_answer() -> None:
    with receiver() as found:
        url = found.url
    with pytest.raises(NoAnswer):
        post(Settings(webhook_hosts="*"), url, {}, b"{}")
