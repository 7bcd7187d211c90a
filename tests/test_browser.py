"""Pages and pictures in a real browser: how they are laid out, that they fetch nothing, and run nothing.

Skipped where there is no browser: `pip install -e '.[browser]'` brings one (and needs the system's libraries).
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import ENVIRONMENT, SPECS, run
from test_graph import DRAWN, economy

BROWSER = Path(__file__).with_name("browser.py")
ALL = [*SPECS, *DRAWN]

LOOK = r"""
(() => {
  const box = e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
  const look = e => { const s = getComputedStyle(e); return [s.color, s.fill, s.backgroundColor]; };
  const all = (q, f) => [...document.querySelectorAll(q)].map(f);
  return JSON.stringify({
    title: document.title, lang: document.documentElement.lang,
    wide: document.documentElement.scrollWidth, view: document.documentElement.clientWidth,
    body: document.body ? look(document.body) : look(document.documentElement),
    headings: all('h1,h2', e => e.textContent),
    tables: all('table', e => ({caption: e.caption && e.caption.textContent,
      columns: e.querySelectorAll('thead th[scope=col]').length, cells: e.querySelectorAll('thead th, thead td').length,
      rows: [...e.querySelectorAll('tbody tr')].map(r => [...r.children].map(c => c.textContent)),
      heads: e.querySelectorAll('tbody th[scope=row]').length})),
    fractions: all('mfrac', e => [...e.children].map(box)),
    roots: all('msqrt', box),
    scripts: all('script,iframe,img,link,object,embed', e => e.outerHTML),
    colours: all('.bad,.good:not(rect),.soft,small,.warnings,h1,td,th', e => {
      let b = e; while (b && getComputedStyle(b).backgroundColor === 'rgba(0, 0, 0, 0)') b = b.parentElement;
      return [getComputedStyle(e).color, b ? getComputedStyle(b).backgroundColor : 'none'];
    }),
    nodes: all('svg g > rect', e => ({box: box(e), fill: getComputedStyle(e).fill, kind: e.getAttribute('class'),
      texts: e.parentNode.tagName === 'g' && e.parentNode.querySelector('title') && e.parentNode.parentNode.tagName === 'g'
        ? [...e.parentNode.querySelectorAll('text')].map(t => [box(t), getComputedStyle(t).fill, t.textContent]) : []})),
    labels: all('svg > g > text', e => [box(e), getComputedStyle(e).fill, e.textContent]),
  });
})()
"""


def visit(pages, pictures, *, dark=False, width=1200, height=900, script=LOOK):
    """What the browser saw of each page; skips where there is no browser."""
    plan = {
        "pages": [str(page) for page in pages],
        "script": script,
        "width": width,
        "height": height,
        "dark": dark,
        "pictures": str(pictures) if pictures else "",
    }
    done = subprocess.run(
        [sys.executable, str(BROWSER), json.dumps(plan)],
        capture_output=True,
        text=True,
        timeout=110,
        env=ENVIRONMENT,
        check=False,
    )
    assert done.stdout, done.stderr[-2000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    if "missing" in seen:
        pytest.skip(f"no browser ({seen['missing']}): pip install -e '.[browser]'")
    assert [page["page"] for page in seen["pages"]] == plan["pages"]
    return [{**page, "facts": json.loads(page["facts"])} for page in seen["pages"]]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Every spec as a page."""
    folder = tmp_path_factory.mktemp("pages")
    for path in ALL:
        done = run("solve", str(path), "-f", "html", "-o", str(folder / f"{path.stem}.html"))
        assert done.returncode == 0, done.stderr
    return sorted(folder.glob("*.html"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Every spec as a picture, and a market of 60 firms."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "sixty.yaml").write_text(economy(60))
    for path in [*ALL, folder / "sixty.yaml"]:
        done = run("graph", str(path), "-f", "svg", "-o", str(folder / f"{path.stem}.svg"))
        assert done.returncode == 0, done.stderr
    return sorted(folder.glob("*.svg"))


def channels(colour):
    return [float(part) for part in re.findall(r"[\d.]+", colour)[:3]]


def luminance(colour):
    """Relative luminance (WCAG 2.2)."""
    parts = [c / 255 for c in channels(colour)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """From 1 to 21 (WCAG 2.2); 4.5 is asked of text."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_pages_look_right_fetch_nothing_and_run_nothing(pages, dark, tmp_path):
    for page in visit(pages, tmp_path, dark=dark):
        facts = page["facts"]
        assert page["loaded"]
        assert page["fetched"] == [Path(page["page"]).as_uri()]
        assert page["said"] == []  # no breach of the policy either
        assert facts["scripts"] == []
        assert (facts["lang"], bool(facts["title"])) == ("en", True)
        assert facts["headings"][0] == facts["title"]
        assert facts["wide"] <= facts["view"]  # what is wide scrolls by itself
        assert (max(page["background"]) < 60) if dark else (min(page["background"]) > 240)
        for colour, behind in facts["colours"]:
            assert contrast(colour, behind) >= 4.5, (colour, behind)
        for table in facts["tables"]:
            assert table["caption"]
            assert table["columns"] == table["cells"] > 1
            assert table["heads"] == len(table["rows"]) > 0
        for above, below in facts["fractions"]:
            assert above[3] <= below[1] + 2.5  # the numerator stands above
        assert all(bottom - top > 5 for _, top, _, bottom in facts["roots"])
        assert page["printed"]
    for printed in tmp_path.glob("*.pdf"):
        assert printed.read_bytes().startswith(b"%PDF")
    assert len([*tmp_path.glob("*.pdf")]) == len(pages)


def test_a_page_says_what_the_price_table_says(pages):
    for page in visit(pages, None):
        spec = next(path for path in ALL if path.stem == Path(page["page"]).stem)
        table = run("solve", str(spec)).stdout
        tables = {of["caption"]: of["rows"] for of in page["facts"]["tables"]}
        prices = tables["The price and the value of every good"]
        data = json.loads(run("solve", str(spec), "-f", "json").stdout)
        goods = [row[0].strip() for row in prices if row[1] != "transfer prices"]
        names = [good["good"].rpartition(".")[2] for good in data["goods"]]
        if "chains" in data:  # what is inside a firm stands under it
            goods, names = sorted(goods), sorted(names)
        assert all(row.startswith(name) for row, name in zip(goods, names, strict=True))
        for row in prices:
            assert row[4] in table
        assert {row[-1] for row in tables["Prices beside direct derivatives"]} == {"yes"}
        assert {row[-1] for row in tables["What else must hold"]} == {"yes"}


def test_a_page_fits_a_telephone(pages):
    for page in visit(pages, None, width=390, height=800):
        assert page["facts"]["wide"] <= page["facts"]["view"], page["page"]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_pictures_are_legible(pictures, dark):
    """Every text is in its box, as the browser's own font has it, in contrast to it, and touches no other."""
    for page in visit(pictures, None, dark=dark):
        assert page["loaded"]
        assert page["said"] == []
        assert page["fetched"] == [Path(page["page"]).as_uri()]
        boxes = [node for node in page["facts"]["nodes"] if node["texts"] and "nonrival" not in node["kind"]]
        assert boxes
        for node in boxes:
            left, top, right, bottom = node["box"]
            for (a, b, c, d), colour, text in node["texts"]:
                assert left <= a, text
                assert c <= right + 1, text
                assert top <= b + 2, text
                assert d <= bottom + 2, text
                assert contrast(colour, node["fill"]) >= 4.5, (text, colour, node["fill"])
        texts = [box for node in boxes for box, _, _ in node["texts"]]
        for (a, b, c, d), _, text in page["facts"]["labels"]:
            for left, top, right, bottom in texts:
                assert c < left or right < a or d - 3 < top or bottom - 3 < b, text


def test_the_browser_would_notice(tmp_path):
    """A page that fetches, runs a script, or breaks its policy does not go through."""
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; img-src *\"><title>t</title>"
        "<p style='color:red'>x</p><img src='http://example.invalid/x.png'><script>1</script>"
    )
    (page,) = visit([bad], None)
    assert "http://example.invalid/x.png" in page["fetched"]
    assert any("Content Security Policy" in message and "style" in message for message in page["said"])
    assert any("Content Security Policy" in message and "script" in message for message in page["said"])
    assert len(page["facts"]["scripts"]) == 2


@pytest.mark.registry
def test_mermaid_itself_draws_every_chain(tmp_path):
    """Its own parser, of the newest version: also of names and titles that mean something to it."""
    if shutil.which("npm") is None:
        pytest.skip("no npm")
    subprocess.run(["npm", "init", "-y"], cwd=tmp_path, check=True, capture_output=True)
    subprocess.run(["npm", "install", "--no-audit", "mermaid"], cwd=tmp_path, check=True, capture_output=True)
    made = []
    for path in ALL:
        text = run("graph", str(path), "-f", "mermaid").stdout
        code = json.dumps(text).replace("<", "\\u003c")
        page = tmp_path / f"{path.stem}.html"
        page.write_text(
            '<meta charset="utf-8"><div id="o"></div><script src="node_modules/mermaid/dist/mermaid.min.js"></script>'
            f"<script>mermaid.initialize({{startOnLoad: false}}); mermaid.render('g', {code})"
            ".then(r => {o.innerHTML = r.svg}, e => {o.textContent = 'error: ' + e})</script>",
            encoding="utf-8",
        )
        made.append(page)
    script = (
        "JSON.stringify({text: document.getElementById('o').textContent, nodes: "
        "document.querySelectorAll('#o .node').length, edges: document.querySelectorAll('#o path.flowchart-link').length})"
    )
    for page, path in zip(visit(made, None, script=script), ALL, strict=True):
        data = json.loads(run("graph", str(path), "-f", "json").stdout)
        facts = page["facts"]
        assert not facts["text"].startswith("error"), facts["text"]
        assert (facts["nodes"], facts["edges"]) == (len(data["nodes"]), len(data["edges"]))
        shown = re.sub(r"\s", "", facts["text"])
        for node in data["nodes"]:
            assert node["name"] in shown
            assert re.sub(r"\s", "", node["unit"]) in shown
