"""City databases as MaxMind's, for the addresses of tests."""

from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet

CHINA = {"country": {"iso_code": "CN", "names": {"en": "China", "zh-CN": "中国"}}}
HANGZHOU = CHINA | {"city": {"names": {"en": "Hangzhou", "zh-CN": "杭州"}}}


def write_cities(file: Path, places: dict[str, Any]) -> Path:
    """Write a database that knows each network of *places*; return its path."""
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-City")
    for network, record in places.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(file))
    return file
