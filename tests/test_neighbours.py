"""Files that a spec names lie in its folder: whatever leads out of it is refused."""

import os
from pathlib import Path

import pytest

from chainprice.errors import Problem
from chainprice.spec.neighbours import Neighbour, neighbour
from chainprice.spec.text import Source, read_source

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX")


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "inside"
    (folder / "below").mkdir(parents=True)
    (tmp_path / "secret.csv").write_text("secret\n")
    (tmp_path / "inside-too").mkdir()
    (tmp_path / "inside-too" / "secret.csv").write_text("secret\n")
    for path in ("firms.csv", "below/firms.csv", "spec.yaml", "café.csv"):
        (folder / path).write_text("a: 1\n")
    (folder / "link.csv").symlink_to("below/firms.csv")
    (folder / "out.csv").symlink_to("../secret.csv")
    (folder / "beside").symlink_to(tmp_path / "inside-too")
    (folder / "loop.csv").symlink_to("loop.csv")
    (folder / "gone.csv").symlink_to("nowhere.csv")
    (folder / "device.csv").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.csv")
    return read_source(folder / "spec.yaml")


@pytest.mark.parametrize(
    ("written", "real"),
    [
        ("firms.csv", "firms.csv"),
        ("./firms.csv", "firms.csv"),
        ("below/firms.csv", "below/firms.csv"),
        ("below//./firms.csv", "below/firms.csv"),
        ("link.csv", "below/firms.csv"),
        ("café.csv", "café.csv"),
    ],
)
def test_what_lies_inside_is_found(source, written, real):
    folder = Path(source.folder)
    assert neighbour(source, written) == Neighbour(str(folder / written), str((folder / real).resolve()))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("../secret.csv", "'../secret.csv' leads out of a folder by '..'"),
        ("below/../firms.csv", "leads out of a folder by '..'"),
        ("..", "leads out of a folder by '..'"),
        ("/etc/passwd", "'/etc/passwd' is an absolute path"),
        ("//host/share/x.csv", "is an absolute path"),
        ("C:firms.csv", "is an absolute path"),
        ("c:/firms.csv", "is an absolute path"),
        ("..\\secret.csv", "a path has no backslashes here"),
        ("\\\\host\\share", "a path has no backslashes here"),
        ("out.csv", "'out.csv' leads out of the spec's folder by a link"),
        ("beside/secret.csv", "leads out of the spec's folder by a link"),
        ("device.csv", "leads out of the spec's folder by a link"),
        ("loop.csv", "cannot be read: "),
        ("gone.csv", "there is no file 'gone.csv' beside the spec"),
        ("pipe.csv", "'pipe.csv' is no regular file"),
        ("below", "'below' is a folder"),
        (".", "'.' is a folder"),
        ("firms.csv/x", "cannot be read: not a directory"),
        ("nowhere/firms.csv", "there is no file"),
        ("", "the name of a file is expected"),
        ("  ", "the name of a file is expected"),
        ("a\0b", "a file's name contains a control character"),
        ("a\x1b[31m.csv", "a file's name contains a control character"),
        ("a\u202evsc.csv", "a file's name contains a control character"),
        ("\ud800.csv", "control character"),
        ("x" * 10_000, "cannot be read: file name too long"),
        ("~/firms.csv", "there is no file '~/firms.csv'"),
    ],
)
def test_what_does_not_is_refused(source, written, said):
    refusal = neighbour(source, written)
    assert isinstance(refusal, Problem)
    assert said in refusal.message
    assert refusal.place is None


def test_a_name_that_is_nearly_right_is_suggested(source):
    assert neighbour(source, "frims.csv").hint == "did you mean 'firms.csv'?"


def test_a_spec_that_is_a_link_has_the_folder_where_the_link_is(source, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "spec.yaml").symlink_to(Path(source.folder, "spec.yaml"))
    assert "there is no file" in neighbour(read_source(other / "spec.yaml"), "firms.csv").message


def test_a_relative_spec_has_relative_neighbours(source, monkeypatch):
    monkeypatch.chdir(source.folder)
    assert neighbour(read_source("spec.yaml"), "firms.csv").path == "firms.csv"
    assert neighbour(read_source("below/firms.csv"), "firms.csv").path == "below/firms.csv"


@pytest.mark.parametrize("path", ["<stdin>", "<text>"])
def test_what_is_in_no_folder_has_no_neighbours(path):
    refusal = neighbour(Source(path, "", ""), "firms.csv")
    assert "has no folder in which 'firms.csv' could be" in refusal.message
    assert refusal.hint == "put the spec in a file"


def test_a_text_lies_nowhere():
    assert read_source("a: 1\n").folder is None
