"""IPv4 packets in bytes: whose they are, where their contents begin, and checksums made right."""

import struct

TCP, UDP = 6, 17
_CHECKSUM_AT = {TCP: 16, UDP: 6}  # from the transport header on


def length(data: bytes) -> int:
    """The whole packet's size, whatever part of it is at hand."""
    return int.from_bytes(data[2:4], "big")


def protocol(data: bytes) -> int:
    """The number of the transport protocol."""
    return data[9]


def flow(data: bytes) -> bytes:
    """Equal for the packets of one connection and direction."""
    start = _header_bytes(data)
    return data[9:10] + data[12:20] + data[start : start + 4]


def contents_at(data: bytes) -> int:
    """Where the contents begin: behind the TCP or UDP header, else behind the IP header."""
    start = _header_bytes(data)
    if protocol(data) == TCP and len(data) >= start + 20:
        return start + (data[start + 12] >> 4) * 4
    return start + 8 if protocol(data) == UDP else start


def mended(data: bytes) -> bytes:
    """The packet with a right TCP or UDP checksum; others are left alone, and so are fragments."""
    at = _CHECKSUM_AT.get(protocol(data))
    start = _header_bytes(data)
    is_fragment = int.from_bytes(data[6:8], "big") & 0x3FFF
    if at is None or is_fragment or len(data) < start + at + 2:
        return data
    rest = bytearray(data[start:])
    rest[at : at + 2] = b"\0\0"
    pseudo = data[12:20] + bytes((0, protocol(data))) + struct.pack(">H", len(rest))
    value = checksum(pseudo + rest)
    if protocol(data) == UDP and value == 0:
        value = 0xFFFF  # zero would mean: none
    rest[at : at + 2] = value.to_bytes(2, "big")
    return data[:start] + bytes(rest)


def checksum(data: bytes) -> int:
    """The Internet checksum, RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    # The sum of all 16-bit words with end-around carry is the remainder modulo 0xffff.
    rest = int.from_bytes(data, "big") % 0xFFFF
    return 0xFFFF - (rest or (0xFFFF if any(data) else 0))


def _header_bytes(data: bytes) -> int:
    return (data[0] & 0x0F) * 4
