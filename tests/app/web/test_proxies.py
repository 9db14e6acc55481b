import pytest

from app.web.proxies import is_within, networks


def test_addresses_and_networks_are_trusted() -> None:
    trusted = networks("127.0.0.1, 10.0.0.0/8,fd00::/8")
    assert [is_within(address, trusted) for address in ("127.0.0.1", "10.9.8.7", "fd12::1")] == [True] * 3
    assert [is_within(address, trusted) for address in ("127.0.0.2", "11.0.0.1", "fe80::1", "testclient")] == [
        False
    ] * 4


def test_nobody_is_trusted_where_none_is_named() -> None:
    assert networks("") == []


def test_a_name_is_no_address() -> None:
    with pytest.raises(ValueError, match="proxy"):
        networks("proxy.example")
