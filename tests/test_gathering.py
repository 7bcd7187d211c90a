"""Which files a name on the command line means."""

import os

import pytest

from chainprice.gathering import gather


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A folder of specs and other things, and the working directory in it."""
    for name in (
        "specs/b.yaml",
        "specs/a.yml",
        "specs/c.json",
        "specs/A.YAML",
        "specs/notes.txt",
        "specs/.hidden.yaml",
        "specs/.git/x.yaml",
        "specs/deep/x.yaml/inner.yaml",
        "specs/deep/b.yaml",
        "specs/[odd].yaml",
        "other/b.yaml",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def paths(*names):
    return [item.path.replace(os.sep, "/") for item in gather(names) if item.problem is None]


def problems(*names):
    return [(item.path, item.problem.message) for item in gather(names) if item.problem is not None]


IN_SPECS = [
    "specs/A.YAML",
    "specs/[odd].yaml",
    "specs/a.yml",
    "specs/b.yaml",
    "specs/c.json",
    "specs/deep/b.yaml",
    "specs/deep/x.yaml/inner.yaml",
]


def test_a_folder_means_all_that_may_be_specs_below_it_sorted(tree):
    assert paths("specs") == paths("specs/") == IN_SPECS
    assert paths("specs/deep/x.yaml") == ["specs/deep/x.yaml/inner.yaml"]
    assert paths("specs/.git") == ["specs/.git/x.yaml"]


def test_the_working_directory_is_no_part_of_a_path(tree, monkeypatch):
    monkeypatch.chdir(tree / "other")
    assert paths(".") == ["b.yaml"]


def test_names_keep_their_order_and_a_file_is_there_once(tree):
    assert paths("specs/c.json", "specs/a.yml", "./specs/c.json", "-") == ["specs/c.json", "specs/a.yml", "-"]
    assert paths("specs/deep", "specs")[:2] == ["specs/deep/b.yaml", "specs/deep/x.yaml/inner.yaml"]
    assert sorted(paths("specs/deep", "specs")) == sorted(IN_SPECS)
    (tree / "link.yaml").symlink_to("specs/b.yaml")
    assert paths("link.yaml", "specs/b.yaml") == ["link.yaml"]


def test_a_file_that_is_found_and_also_named_counts_as_named(tree):
    named = {item.path for item in gather(["specs", "specs/b.yaml"]) if item.folder is None}
    assert named == {"specs/b.yaml"}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("specs/*.y*ml", ["specs/[odd].yaml", "specs/a.yml", "specs/b.yaml"]),
        ("specs/?.json", ["specs/c.json"]),
        ("specs/[ab].*", ["specs/a.yml", "specs/b.yaml"]),
        ("specs/[odd].yaml", ["specs/[odd].yaml"]),
        ("specs/**/b.yaml", ["specs/b.yaml", "specs/deep/b.yaml"]),
        ("**/b.yaml", ["other/b.yaml", "specs/b.yaml", "specs/deep/b.yaml"]),
        ("specs/**/inner.*", ["specs/deep/x.yaml/inner.yaml"]),
        ("specs/de*", ["specs/deep/b.yaml", "specs/deep/x.yaml/inner.yaml"]),
        ("specs/deep/**", ["specs/deep/b.yaml", "specs/deep/x.yaml/inner.yaml"]),
        ("*/deep/**/*.yaml", ["specs/deep/b.yaml", "specs/deep/x.yaml/inner.yaml"]),
    ],
)
def test_patterns_are_expanded(tree, pattern, expected):
    assert paths(pattern) == expected
    assert paths(str(tree / pattern)) == [(tree / path).as_posix() for path in expected]


def test_what_leads_to_nothing_is_a_problem(tree):
    assert problems("empty") == [("empty", "there is no spec in this folder")]
    assert problems("specs/*.toml") == [("specs/*.toml", "no file matches this pattern")]
    assert problems("**/nothing.yaml") == [("**/nothing.yaml", "no file matches this pattern")]
    assert problems("nowhere.yaml") == []  # whoever reads it will say so
    assert paths("nowhere.yaml", "\0", "") == ["nowhere.yaml", "\0", ""]


def test_loops_of_links_end_and_files_have_their_own_paths(tree):
    (tree / "specs/all").symlink_to("..", target_is_directory=True)
    (tree / "specs/deep/up").symlink_to("..", target_is_directory=True)
    (tree / "specs/0-other").symlink_to("../other", target_is_directory=True)
    found = paths("specs")
    assert set(IN_SPECS) < set(found)
    assert [path for path in found if path not in IN_SPECS] == ["specs/0-other/b.yaml"]


def test_a_link_that_leads_nowhere_is_not_passed_over(tree):
    (tree / "other/gone.yaml").symlink_to("nowhere")
    assert paths("other") == ["other/b.yaml", "other/gone.yaml"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_named_pipe_in_a_folder_is_left_alone(tree):
    os.mkfifo(tree / "other/pipe.yaml")
    assert paths("other") == ["other/b.yaml"]


def test_a_folder_that_cannot_be_listed_is_a_problem(tree, monkeypatch):
    listed = os.scandir

    def scandir(path):
        if os.fspath(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert problems("specs") == [("specs/deep", "this folder cannot be read: permission denied")]
    assert "specs/b.yaml" in paths("specs")
