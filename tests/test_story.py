"""docs/out_of_equilibrium.md: what its commands print, and its pictures."""

import re

import pytest
from outputs import INSIDE, PICTURES, README, STORY, as_shown, readme_examples, shell
from support import ROOT
from test_recipes import skip_without_tools

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


@pytest.mark.parametrize(("command", "output"), list(readme_examples(STORY)), ids=lambda text: text[:60])
def test_an_example_prints_what_it_says(command, output):
    skip_without_tools(command)
    assert as_shown(shell(command)) == output
    assert "error" not in output


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_what_its_command_draws(name):
    """But for a pixel: other versions of a library round otherwise."""
    kept = (ROOT / "docs" / "pictures" / name).read_text(encoding="utf-8")
    drawn = shell(PICTURES[name])
    assert NUMBER.sub("#", drawn[:3000]) == NUMBER.sub("#", kept[:3000])
    ends = [float(number) for number in NUMBER.findall(kept)][-400:]
    assert [float(number) for number in NUMBER.findall(drawn)][-400:] == pytest.approx(ends, abs=1.5)


def test_every_picture_is_on_a_page_with_the_command_that_made_it():
    on_pages = {}
    for page in (README, STORY, INSIDE):
        text = page.read_text(encoding="utf-8")
        shown = [command.replace('"', "'") for command, _ in readme_examples(page)]
        for name in re.findall(r"\((?:docs/)?pictures/([^)\s]+)\)", text):
            on_pages[name] = PICTURES[name].removesuffix(" -f svg") in shown or PICTURES[name] in text
    assert on_pages == dict.fromkeys(PICTURES, True)


def test_no_picture_is_left_over():
    assert {path.name for path in (ROOT / "docs" / "pictures").iterdir()} == set(PICTURES)
