"""What the wheel's back end refuses; the drills on three hosts are in tests/cluster/."""

import sys
import types

import pytest

from pulvinar_cluster import ClusterError, wheel


def test_a_missing_wheel_is_told_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "hyperqueue", None)
    with pytest.raises(ClusterError, match="not installed\n  help: pip install hyperqueue==0.27.0"):
        wheel.engine()


def test_another_version_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "hyperqueue", types.SimpleNamespace(get_version=lambda: "v0.26.2"))
    with pytest.raises(ClusterError, match="this is HyperQueue 0.26.2, and this package knows 0.27.0"):
        wheel.engine()


def test_a_folder_without_a_head_is_refused(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "hyperqueue", types.SimpleNamespace(get_version=lambda: "v0.27.0"))
    with pytest.raises(ClusterError, match="there is no head in"):
        wheel.worker(tmp_path, 1)


def test_a_head_that_does_not_answer_is_told(monkeypatch, tmp_path):
    (tmp_path / "001").mkdir()
    (tmp_path / "hq-current").symlink_to(tmp_path / "001")

    def refuse(_):
        raise RuntimeError("connection refused\nat somewhere")

    module = types.SimpleNamespace(get_version=lambda: "v0.27.0", Client=refuse)
    monkeypatch.setitem(sys.modules, "hyperqueue", module)
    with pytest.raises(ClusterError, match="does not answer: connection refused\n  help: start it again"):
        wheel.worker(tmp_path, 1)
