"""`graph`: what the picture holds is the price table, and every format says it, whatever names and titles are."""

import json
import re
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from functools import cache
from itertools import accumulate, combinations, pairwise, permutations
from pathlib import Path

import igraph
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support import ENVIRONMENT, MARKETS, ROOT, SPECS, chain, run, spec

import chainprice
from chainprice.diagram import Diagram, Edge, Mark, Node
from chainprice.errors import MissingExtraError, UsageError
from chainprice.report.diagrams.dot import diagram_dot
from chainprice.report.diagrams.frames import Frame, outlines_of
from chainprice.report.diagrams.geometry import Box, Plan
from chainprice.report.diagrams.layers import layers_of
from chainprice.report.diagrams.mermaid import diagram_mermaid
from chainprice.report.diagrams.places import plan_of
from chainprice.report.diagrams.svg import _bands, _size, diagram_svg
from chainprice.report.diagrams.tree import diagram_text
from chainprice.report.diagrams.widths import widths_of
from chainprice.report.diagrams.words import edge_labels, node_words

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it uses old names of pyparsing's
    import pydot.dot_parser

DRAWN = sorted((ROOT / "tests/specs/drawn").glob("*.yaml"))
NASTY, OUTSIDE = DRAWN
NESTED = [ROOT / f"tests/specs/nested/{name}.yaml" for name in ("by_file", "deep", "ethylene")]
CAR_PANELS = ROOT / "specs/car_panels.yaml"
ALL = [*SPECS, *DRAWN, *NESTED, ROOT / "tests/specs/market/merit-order.yaml"]
SVG = "{http://www.w3.org/2000/svg}"
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def economy(firms):
    """A market of so many firms, each with one to three inputs of those before it, always the same."""
    goods = [f"raw_{i}" for i in range(firms // 8)]
    supply, lines, used, state = list(goods), [], set(), 7
    for i in range(firms):
        inputs = set()
        for _ in range(1 + i % 3):
            state = (state * 1103515245 + 12345) % 2**31
            inputs.add(goods[-1 - (state >> 8) % min(14, len(goods))])
        used |= inputs
        product = "*".join(f"{good}^{0.7 / len(inputs):.2f}" for good in sorted(inputs))
        lines.append(f"  firm_{i}: {{production: {{good_{i}: 2*{product}}}}}")
        goods.append(f"good_{i}")
    bought = "".join(f"  {good}: {{quantity: {50 + 40 * i}}}\n" for i, good in enumerate(supply))
    sold = "".join(f"  {good}: {{price: 40 - q/10}}\n" for good in goods if good not in used)
    return "title: Sixty firms\nfirms:\n" + "\n".join(lines) + f"\nsupply:\n{bought}demand:\n{sold}"


@cache
def drawn(path):
    return chainprice.graph(market(path))


def market(path):
    return spec(economy(60) if path == "sixty" else path)


def nodes_of(diagram, kind):
    return [node for node in diagram.nodes if node.kind == kind]


def marks_of(diagram, name):
    return {mark.kind for node in diagram.nodes if node.name == name for mark in node.marks}


def plan(diagram):
    words = [node_words(diagram, node) for node in diagram.nodes]
    return plan_of([*map(_size, words)], _bands(diagram, edge_labels(diagram)))


BY_STEM = pytest.mark.parametrize("path", [*ALL, "sixty"], ids=lambda path: getattr(path, "stem", path))


# What it holds.


@BY_STEM
def test_every_use_and_every_output_is_an_edge_with_the_numbers_of_the_price_table(path):
    diagram = drawn(path)
    solution = chainprice.solve(market(path))
    expected = Counter()
    for row in solution.goods:
        for use in row.uses:
            if use.kind == "firm":
                expected[f"good:{row.good}", f"firm:{use.user}", use.quantity, use.price] += 1
            elif row.role != "final":
                expected[f"good:{row.good}", f"demand:{row.good}", use.quantity, use.price] += 1
    for firm in solution.firms:
        for output in firm.outputs:
            expected[f"firm:{firm.firm}", f"good:{output.good}", output.quantity, output.price] += 1
    found = Counter(
        (e.source, e.target, e.quantity, e.price) for e in diagram.edges if not e.source.startswith("supply:")
    )
    assert found == expected
    assert {n.name: (n.quantity, n.price, n.value) for n in nodes_of(diagram, "good")} == {
        row.good: (row.quantity, row.price, row.value) for row in solution.goods
    }
    assert [n.name for n in nodes_of(diagram, "firm")] == [firm.firm for firm in solution.firms]
    assert diagram.total_value == solution.total_value


@BY_STEM
def test_books_balance_along_the_edges(path):
    """Kirchhoff's law for quantities at every good, and profits at every firm: from the edges alone."""
    diagram = drawn(path)
    flows, money = defaultdict(lambda: [0.0, 0.0]), defaultdict(float)
    for edge in diagram.edges:
        flows[edge.target][0] += float(edge.quantity)
        flows[edge.source][1] += float(edge.quantity)
        money[edge.source] += float(edge.value)
        money[edge.target] -= float(edge.value)
    for node in diagram.nodes:
        near = pytest.approx
        size = max(1.0, abs(float(node.value)))
        if node.kind == "firm":
            assert money[node.id] == near(float(node.profit), abs=1e-6 * size), node
        elif node.kind == "good" and node.id in {edge.target for edge in diagram.edges}:
            assert flows[node.id][0] == near(float(node.quantity), rel=1e-9, abs=1e-9), node
            if not {"non-rival", "left-over"} & {mark.kind for mark in node.marks}:
                assert flows[node.id][1] <= float(node.quantity) * (1 + 1e-9) + 1e-6 or not flows[node.id][1]


def test_prices_of_a_non_rival_good_add_up_at_the_good():
    diagram = drawn(ROOT / "specs/chipmaker.yaml")
    (design,) = [node for node in diagram.nodes if node.name == "design"]
    uses = [edge for edge in diagram.edges if edge.source == design.id]
    assert len(uses) == 3
    assert {edge.quantity for edge in uses} == {design.quantity}
    assert sum(edge.price for edge in uses) == pytest.approx(design.price, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "of", "marks"),
    [
        ("chipmaker", "design", {"non-rival"}),
        ("bakery", "flour", {"split"}),
        ("cars_and_bridges", "steel", {"shared"}),
        ("cars_and_bridges", "blast_furnace", {"limit"}),
        ("cars_and_bridges", "arc_furnace", set()),
        ("electricity", "oil", {"not-unique"}),
        ("electricity", "oil_peakers", {"idle"}),
        ("refinery", "crude_1", {"left-over"}),
        ("refinery", "cracker", {"shared", "limit"}),
        ("tupperware", "ethylene", set()),
    ],
)
def test_what_is_special_is_marked(name, of, marks):
    assert marks_of(drawn(ROOT / f"specs/{name}.yaml"), of) == marks


def test_a_limit_has_its_quantity_and_its_rent():
    diagram = drawn(ROOT / "specs/electricity.yaml")
    solution = chainprice.solve(chainprice.load(ROOT / "specs/electricity.yaml"))
    found = {n.name: m for n in diagram.nodes for m in n.marks if m.kind == "limit"}
    assert {name: (m.quantity, m.rent) for name, m in found.items()} == {
        limit.firm: (limit.quantity, limit.rent) for limit in solution.limits if limit.binding
    }


def test_the_outside_world_is_a_node_only_where_a_good_has_other_business():
    diagram = drawn(OUTSIDE)
    assert {node.id for node in diagram.nodes if node.kind in ("supply", "demand")} == {
        *("supply:steel", "demand:steel")
    }
    (bought,) = [edge for edge in diagram.edges if edge.source == "supply:steel"]
    assert bought.quantity == pytest.approx(10 * (bought.price - 4))  # its supply curve
    limits = {node.name for node in diagram.nodes for mark in node.marks if mark.kind == "limit"}
    assert {"mill", "slag"} <= limits


def test_a_numeraire_and_an_allocation_count(capsys):
    given = ROOT / "specs/bakery.yaml"
    in_bread = chainprice.graph(chainprice.load(given), numeraire="bread")
    assert in_bread.numeraire == in_bread.price_unit == "bread"
    assert {n.name: n.price for n in nodes_of(in_bread, "good")}["bread"] == 1
    done = run("graph", "specs/tupperware.yaml", "-f", "json", "--set", "supply.natgas.quantity=9")
    assert json.loads(done.stdout)["nodes"][0]["quantity"] == 9
    steel = run(
        "graph", "specs/steel.yaml", "-f", "json", "--allocation", "competitive", "--numeraire", "coil"
    )
    data = json.loads(steel.stdout)
    assert (data["allocation"], data["numeraire"]) == ("competitive", "coil")


def test_it_is_in_python_too(monkeypatch):
    monkeypatch.chdir(ROOT)
    diagram = chainprice.graph(chainprice.load(Path("specs/steel.yaml")))
    assert isinstance(diagram, chainprice.Diagram)
    assert diagram.to_dict() == json.loads(run("graph", "specs/steel.yaml", "-f", "json").stdout)


# The layout.


@BY_STEM
def test_only_loops_go_back_and_without_those_edges_there_is_none(path):
    diagram = drawn(path)
    places = {node.id: place for place, node in enumerate(diagram.nodes)}
    links = [(places[edge.source], places[edge.target]) for edge in diagram.edges]
    goes_back = [route.goes_back for route in plan(diagram).routes]
    forward = [link for link, back in zip(links, goes_back, strict=True) if not back]
    assert igraph.Graph(n=len(places), edges=forward, directed=True).is_dag()
    assert any(goes_back) == (not igraph.Graph(n=len(places), edges=links, directed=True).is_dag())
    for (source, target), route, back in zip(links, plan(diagram).routes, goes_back, strict=True):
        boxes = plan(diagram).boxes
        is_below = boxes[source].y + boxes[source].height < boxes[target].y  # in the next row
        assert back or is_below or boxes[source].x + boxes[source].width < boxes[target].x
        assert route.start[0] == pytest.approx(boxes[source].x + boxes[source].width)
        assert route.end[0] == pytest.approx(boxes[target].x)


def test_a_loop_is_cut_where_its_flow_is_of_least_value():
    layers = layers_of(3, [(0, 1), (1, 2), (2, 0)], [5.0, 9.0, 1.0])
    assert [way is None for way in layers.ways] == [False, False, True]
    diagram = drawn(ROOT / "specs/aluminium.yaml")
    back = [e for e, r in zip(diagram.edges, plan(diagram).routes, strict=True) if r.goes_back]
    assert [edge.good for edge in back] == ["used_cans"]


def test_a_long_picture_is_folded_into_rows():
    """Sixty firms in a line would be ten times as wide as a screen."""
    diagram = chainprice.graph(spec(chain("sqrt(x + 1)", 60)))
    made = plan(diagram)
    assert made.width < 2_000
    assert 0.8 < made.width / made.height < 2.2
    tops = [box.y for node, box in zip(diagram.nodes, made.boxes, strict=True) if node.kind == "good"]
    assert tops == sorted(tops)
    assert len({round(top) for top in tops}) > 5
    root = ET.fromstring(diagram_svg(diagram))
    assert float(root.get("width")) == pytest.approx(made.width + 40, abs=1)
    assert not any(route.goes_back for route in made.routes)
    for route in made.routes:
        assert all(-1 <= x <= made.width + 1 and -1 <= y <= made.height + 1 for x, y in points_of(route.path))


@BY_STEM
def test_nothing_is_drawn_outside(path):
    made = plan(drawn(path))
    for box in made.boxes:
        assert box.x >= 0
        assert box.y >= -0.01
        assert box.x + box.width <= made.width + 0.01
        assert box.y + box.height <= made.height + 0.01
    for route in made.routes:
        assert all(0 <= x <= made.width + 1 and -1 <= y <= made.height + 1 for x, y in points_of(route.path))


@BY_STEM
def test_no_boxes_overlap(path):
    for one, other in combinations(plan(drawn(path)).boxes, 2):
        apart_x = one.x + one.width < other.x or other.x + other.width < one.x
        apart_y = one.y + one.height < other.y or other.y + other.height < one.y
        assert apart_x or apart_y


def points_of(path):
    """Points along a path of SVG with the commands M, H, V, C and Q."""
    x = y = 0.0
    for command, numbers in re.findall(r"([MHVCQ])([^MHVCQ]*)", path):
        values = [float(number) for number in numbers.split()]
        if command == "M":
            x, y = values
            steps = [(x, y)]
        elif command == "H":
            steps = [(x + (values[0] - x) * t / 40, y) for t in range(41)]
        elif command == "V":
            steps = [(x, y + (values[0] - y) * t / 40) for t in range(41)]
        else:
            corners = [(x, y), *zip(values[::2], values[1::2], strict=True)]
            steps = [bezier(corners, t / 40) for t in range(41)]
        yield from steps
        x, y = steps[-1]


def bezier(points, t):
    while len(points) > 1:
        pairs = pairwise(points)
        points = [(a + (c - a) * t, b + (d - b) * t) for (a, b), (c, d) in pairs]
    return points[0]


@BY_STEM
def test_no_edge_runs_through_a_box(path):
    made = plan(drawn(path))
    for route in made.routes:
        for x, y in points_of(route.path):
            for box in made.boxes:
                is_within = 0.1 < x - box.x < box.width - 0.1 and 0 < y - box.y < box.height
                assert not is_within, route


@BY_STEM
def test_no_labels_of_edges_touch(path):
    diagram = drawn(path)
    bands, made = _bands(diagram, edge_labels(diagram)), plan(diagram)
    places = []
    for band, route in zip(bands, made.routes, strict=True):
        if band.label:
            at = route.end if band.label_at_target else route.start
            left = at[0] - 11 - band.label if band.label_at_target else at[0] + 11
            places.append((left, left + band.label, at[1]))
    for (a, b, y), (c, d, z) in combinations(places, 2):
        assert b < c or d < a or abs(y - z) > 13


# SVG.


@BY_STEM
def test_the_svg_stands_alone_and_says_in_words_what_it_shows(path):
    diagram = drawn(path)
    text = diagram_svg(diagram)
    root = ET.fromstring(text)
    assert root.get("role") == "img"
    told = {
        element.get("id"): element.text for element in (root.find(f"{SVG}title"), root.find(f"{SVG}desc"))
    }
    assert set(root.get("aria-labelledby").split()) == set(told)
    for firm in nodes_of(diagram, "firm"):
        assert f"{firm.name} makes" in told["chain-description"]
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "title", "desc", "style", "g", "rect", "path", "text")
    }
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not {name for name in attributes if name.startswith("on") or "href" in name or name == "style"}
    style = root.find(f"{SVG}style").text
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme:dark" in style
    titles = [
        group.find(f"{SVG}title").text
        for group in root.iter(f"{SVG}g")
        if group.find(f"{SVG}title") is not None
    ]
    titles = titles[len(titles) - len(diagram.nodes) :]  # those of frames come first
    for node, title in zip(diagram.nodes, titles, strict=True):
        assert title.startswith(node.name)


@BY_STEM
def test_ribbons_are_as_wide_as_their_values(path):
    diagram = drawn(path)
    widths = widths_of(diagram, 26.0)
    root = ET.fromstring(diagram_svg(diagram))
    ribbons = [float(p.get("stroke-width")) for p in root.iter(f"{SVG}path") if p.get("class") == "flow"][1:]
    expected = [w for w, edge in zip(widths, diagram.edges, strict=True) if edge.quantity]
    assert sorted(ribbons) == pytest.approx(sorted(expected), abs=0.051)
    most = max(abs(float(edge.value)) for edge in diagram.edges)
    for width, edge in zip(widths, diagram.edges, strict=True):
        assert width == pytest.approx(max(1.0, 26 * abs(float(edge.value)) / most))


def test_the_svg_is_the_same_every_time():
    texts = {
        subprocess.run(
            [sys.executable, "-m", "chainprice", "graph", "specs/refinery.yaml", "-f", "svg"],
            capture_output=True,
            cwd=ROOT,
            env={**ENVIRONMENT, "PYTHONHASHSEED": seed},
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


def test_without_igraph_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "igraph", None)
    with pytest.raises(MissingExtraError) as caught:
        diagram_svg(drawn(OUTSIDE))
    assert "pip install 'chainprice[graph]'" in str(caught.value)
    assert diagram_dot(drawn(OUTSIDE))
    assert diagram_mermaid(drawn(OUTSIDE))
    assert diagram_text(drawn(OUTSIDE), None)


def test_what_no_picture_can_hold_is_refused_before_it_is_drawn():
    node = Node("good:x", "good", "x", "", 1.0, 1.0, 1.0, None, ())
    many = tuple(node._replace(id=f"good:g{i}", name=f"g{i}") for i in range(2_501))
    with pytest.raises(UsageError) as caught:
        diagram_svg(Diagram("p", "t", "", "given", None, "", 0.0, many, ()))
    assert "at most 2,500 goods and firms, and this chain has 2,501" in str(caught.value)


def test_other_formats_need_no_igraph_and_no_solver_where_quantities_are_given():
    script = (
        "import sys; from chainprice.__main__ import main; main(['graph', 'specs/bakery.yaml', '-f', 'dot']);"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert {"igraph", "casadi", "numpy", "sympy"}.isdisjoint(done.stderr.split())


# DOT and Mermaid.


@BY_STEM
def test_dot_is_read_by_a_parser_of_its_own_and_says_the_same(path):
    diagram = drawn(path)
    (graph,) = pydot.graph_from_dot_data(diagram_dot(diagram))
    nodes = {node.get_name(): node for _, part in parts(graph) for node in part.get_nodes()}
    assert {name for name in nodes if re.fullmatch(r"n\d+", name)} == {
        f"n{place}" for place in range(len(diagram.nodes))
    }
    for place, node in enumerate(diagram.nodes):
        read = nodes[f"n{place}"]
        label = read.get_attributes()["label"]
        lines = label[1:-1].split("\\n")
        assert lines[0] == node.name or lines[0] in (f"{node.name} bought", f"{node.name} sold")
    ends = [
        (diagram.nodes[int(e.get_source()[1:])].id, diagram.nodes[int(e.get_destination()[1:])].id)
        for e in graph.get_edges()
    ]
    assert ends == [(edge.source, edge.target) for edge in diagram.edges]


def label_of(inner):
    return f"{inner.chain}: {inner.title}" if inner.title else inner.chain


def parts(graph, name=""):
    """A graph of DOT and the clusters in it, each with the label of the one around it."""
    yield name, graph
    for cluster in graph.get_subgraphs():
        (attributes,) = (node.get_attributes() for node in cluster.get_nodes() if node.get_name() == "graph")
        yield from parts(cluster, attributes["label"].strip('"'))


@pytest.mark.parametrize("path", [*NESTED, CAR_PANELS], ids=lambda path: path.stem)
def test_what_is_inside_a_firm_has_a_frame_of_its_own(path):
    diagram = drawn(path)
    assert [chain.chain for chain in diagram.chains] == [*market(path).chains]
    (graph,) = pydot.graph_from_dot_data(diagram_dot(diagram))
    frames = {
        name: {n.get_name() for n in part.get_nodes()} - {"graph", "node", "edge"}
        for name, part in parts(graph)
    }
    lines = diagram_mermaid(diagram).splitlines()
    inside, by_mermaid = [""], defaultdict(set)
    for line in lines:
        if head := re.match(r' +subgraph f\d+\["(.*)"\]$', line):
            inside.append(unescaped(head[1]))
        elif line.strip() == "end":
            inside.pop()
        elif node := re.match(r" +(n\d+)[(\[>]", line):
            by_mermaid[inside[-1]].add(node[1])
    assert inside == [""]
    assert frames == by_mermaid
    assert sum(map(len, frames.values())) == len(diagram.nodes)
    for inner in diagram.chains:
        own = {diagram.nodes[int(name[1:])] for name in frames[label_of(inner)]}
        assert {node.id for node in own} == {*inner.nodes}
        deeper = [other.chain for other in diagram.chains if other.parent == inner.chain]
        for node in diagram.nodes:
            belongs = node.name.startswith(f"{inner.chain}.")
            assert (node in own) == (belongs and not any(node.name.startswith(f"{d}.") for d in deeper))


@pytest.mark.parametrize("path", [*NESTED, CAR_PANELS], ids=lambda path: path.stem)
def test_the_svg_draws_frames_and_tells_of_them(path):
    diagram = drawn(path)
    root = ET.fromstring(diagram_svg(diagram))
    groups = [g for g in root.iter(f"{SVG}g") if "frame" in [p.get("class") for p in g.findall(f"{SVG}path")]]
    around = [inner for inner in diagram.chains if (path.stem, inner.chain) != ("deep", "plant")]
    assert [group.find(f"{SVG}title").text for group in groups] == [*map(label_of, around)]
    for inner in diagram.chains:
        assert f"Inside {inner.chain}: " in root.find(f"{SVG}desc").text


def is_in(point, corners):
    """Whether a polygon holds a point: how often a ray from it crosses the sides."""
    x, y = point
    crossed = [
        (ax + (y - ay) / (by - ay) * (bx - ax) > x)
        for (ax, ay), (bx, by) in pairwise([*corners, corners[0]])
        if (ay > y) != (by > y)
    ]
    return sum(crossed) % 2 == 1


def corners_of(box):
    return [(box.x + dx * box.width, box.y + dy * box.height) for dx in (0, 1) for dy in (0, 1)]


def standing(columns, rows=None):
    """A plan of columns of (top, height), 60 wide and 300 apart."""
    boxes = [
        Box(300.0 * c, float(top), 60.0, float(high))
        for c, column in enumerate(columns)
        for top, high in column
    ]
    of_nodes = [c for c, column in enumerate(columns) for _ in column]
    return Plan(tuple(boxes), (), 0.0, 0.0, tuple(of_nodes), tuple(rows or [0] * len(columns)))


def whole(*inside):
    return Frame(-1, "", (), inside)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_wherever_nodes_stand_frames_hold_their_own_and_no_others(data):
    heights = st.lists(st.tuples(st.integers(20, 60), st.integers(4, 60)), min_size=1, max_size=4)
    columns = []
    for column in data.draw(st.lists(heights, min_size=1, max_size=5)):
        tops = accumulate((high + gap for high, gap in column), initial=data.draw(st.integers(0, 80)))
        columns.append([(top, high) for top, (high, _) in zip(tops, column, strict=False)])
    plan = standing(columns)
    owners = [data.draw(st.sampled_from((None, "a", "a.b", "c"))) for _ in plan.boxes]
    own = {
        name: tuple(place for place, owner in enumerate(owners) if owner == name)
        for name in ("a", "a.b", "c")
    }
    assume(own["a.b"] and own["c"])
    frames = Frame(0, "a", own["a"], (Frame(1, "a.b", own["a.b"], ()),)), Frame(2, "c", own["c"], ())
    found = {outline.label: outline.corners for outline in outlines_of(whole(*frames), plan)}
    inside = {**own, "a": own["a"] + own["a.b"]}
    for label, corners in found.items():
        for place, box in enumerate(plan.boxes):
            for point in [(box.x + box.width / 2, box.y + box.height / 2), *corners_of(box)]:
                assert is_in(point, corners) == (place in inside[label])
    for one, other in permutations(found, 2):
        for column, (top, bottom) in ranges_of(found[one]).items():
            if column in (there := ranges_of(found[other])):
                above, below = there[column]
                is_inside = top < above and below < bottom
                is_beside = below < top or bottom < above
                assert (
                    is_inside if (one, other) == ("a", "a.b") else is_beside or (one, other) == ("a.b", "a")
                )


def ranges_of(corners):
    """Where a frame begins and ends in each column, from above."""
    half = len(corners) // 2
    sides = zip(corners[:half], reversed(corners[half:]), strict=True)
    return {round(x / 300): (top, bottom) for (x, top), (_, bottom) in sides}


def test_nodes_that_stand_together_have_a_frame():
    plan = standing([[(0, 20), (40, 20), (80, 20)]])
    assert [outline.label for outline in outlines_of(whole(Frame(0, "plant", (0, 1), ())), plan)] == ["plant"]
    assert outlines_of(whole(Frame(0, "plant", (0, 2), ())), plan) == []


def test_two_firms_side_by_side_have_both_their_frames():
    plan = standing([[(0, 20), (38, 20)]] * 3)
    frames = (Frame(0, "north", (0, 2, 4), ()), Frame(1, "south", (1, 3, 5), ()))
    north, south = outlines_of(whole(*frames), plan)
    assert (north.room is None, south.room is None) == (False, True)  # there is none between them


def test_a_frame_goes_on_in_the_next_row():
    plan = standing([[(0, 30)], [(0, 30)], [(200, 30)], [(200, 30)]], rows=[0, 0, 1, 1])
    first, second = outlines_of(whole(Frame(0, "plant", (1, 2), ())), plan)
    assert {x for x, _ in first.corners} == {292.0, 368.0}
    assert {x for x, _ in second.corners} == {592.0, 668.0}


@pytest.mark.parametrize("length", [9, 10, 12])
def test_frames_of_folded_pictures_go_forward(length):
    text = chain("x^0.5", length).replace(
        "  f2: {production: {g3: 'g2^0.5'}}",
        "  f2: {firms: {a: {production: {m: g2^0.5}}, b: {production: {g3: m^0.5}}}}",
    )
    root = ET.fromstring(diagram_svg(chainprice.graph(spec(text))))
    frames = [path.get("d")[1:-1] for path in root.iter(f"{SVG}path") if path.get("class") == "frame"]
    assert frames
    for frame in frames:
        there = [float(pair.split()[0]) for pair in frame.split("L")]
        assert there == [*sorted(there[: len(there) // 2]), *sorted(there[len(there) // 2 :], reverse=True)]


_MERMAID_TEXT = r'"(?:[\w .,()/→←-]|<br/>|#\d+;)*"'
_MERMAID = [
    r"flowchart LR",
    r"  accTitle: [^;{}<>\"`]+",
    r"  accDescr: [^;{}<>\"`]+",
    rf"  +n\d+(?:\(\[{_MERMAID_TEXT}\]\)|\[{_MERMAID_TEXT}\]|>{_MERMAID_TEXT}\]):::(?:good|firm|market)",
    rf" +subgraph f\d+\[{_MERMAID_TEXT}\]",
    r" +end",
    rf"  n\d+ -->(?:\|{_MERMAID_TEXT}\|)? n\d+",
    r"  linkStyle \d+ stroke-width:[\d.]+px",
    r"  classDef (?:good|firm|market|nonrival|limit) [\w#:,\- ]+",
    r"  class n\d+(?:,n\d+)* (?:nonrival|limit)",
]


def unescaped(text):
    return re.sub(r"#(\d+);", lambda number: chr(int(number[1])), text)


@BY_STEM
def test_mermaid_has_lines_of_its_grammar_only_and_no_bare_sign_of_a_name(path):
    diagram = drawn(path)
    head, title, end, *lines = diagram_mermaid(diagram).splitlines()
    assert (head, end) == ("---", "---")
    assert json.loads(title.removeprefix("title: ")) == diagram.title
    for line in lines:
        assert any(re.fullmatch(pattern, line) for pattern in _MERMAID), line
    drawn_nodes = {int(node[1]): line for line in lines if (node := re.match(r" +n(\d+)[(\[>]", line))}
    assert len(drawn_nodes) == len(diagram.nodes)
    for place, node in enumerate(diagram.nodes):
        line = drawn_nodes[place]
        name = unescaped(re.search(r'"(.*)"', line)[1]).split("<br/>")[0]
        assert name.removesuffix(" sold").removesuffix(" bought") == node.name
        assert unescaped(line).count(node.unit) >= (1 if node.kind != "firm" else 0)
    arrows = re.findall(r"^  n(\d+) -->.*? n(\d+)$", "\n".join(lines), re.MULTILINE)
    assert [(diagram.nodes[int(a)].id, diagram.nodes[int(b)].id) for a, b in arrows] == [
        (edge.source, edge.target) for edge in diagram.edges
    ]


def test_names_with_dots_are_drawn_as_they_are():
    """Goods inside a plant have such names."""
    good = Node("good:plant.gas", "good", "plant.gas", "t", 2.0, 3.0, 6.0, None, (Mark("shared"),))
    firm = Node("firm:plant.end", "firm", "plant.end", "", None, None, 0.0, -6.0, ())
    made = Node("good:plant.x", "good", "plant.x", "t", 1.0, 0.0, 0.0, None, ())
    edges = (
        Edge(good.id, firm.id, "plant.gas", 2.0, 3.0, 6.0, None),
        Edge(firm.id, made.id, "plant.x", 1.0, 0.0, 0.0, None),
    )
    diagram = Diagram("p", "", "", "given", None, "", 0.0, (good, firm, made), edges)
    (graph,) = pydot.graph_from_dot_data(diagram_dot(diagram))
    assert len(graph.get_edges()) == 2
    for text in (
        diagram_dot(diagram),
        diagram_mermaid(diagram),
        diagram_svg(diagram),
        diagram_text(diagram, None),
    ):
        assert "plant.gas" in text
        assert "plant.end" in text


# The tree.


@BY_STEM
@pytest.mark.parametrize("width", [None, 80, 200])
def test_every_good_and_every_firm_is_in_the_tree_and_80_columns_are_enough(path, width):
    diagram = drawn(path)
    text = ANSI.sub("", diagram_text(diagram, width))
    rows = text.split("─\n")[1].split("\n\n")[0].splitlines()
    labels = {re.sub(r"^[├└│ ]*", "", re.split(r"\s{2,}", row.strip("│├└ "))[0]) for row in rows}
    for node in nodes_of(diagram, "good"):
        assert any(re.match(rf"{node.name}( \(sold\))?( by |$)", label) for label in labels), node
    for node in nodes_of(diagram, "firm"):
        assert any(label.endswith(f"by {node.name}") for label in labels), node
    if width == 80 and path != NASTY:
        assert max(map(len, text.splitlines())) <= 80


def test_every_use_has_its_own_row():
    diagram = drawn(ROOT / "specs/bakery.yaml")
    text = diagram_text(diagram, None)
    assert re.findall(r"flour\s+(?:\(sold\)\s+)?([\d.]+)", text) == ["15", "4", "1"]


def test_a_shared_good_and_a_loop_are_taken_apart_once():
    text = diagram_text(drawn(ROOT / "specs/aluminium.yaml"), None)
    assert text.count("alumina by refinery") == 1
    assert re.search(r"used_cans by can_maker.*see above", text)
    assert re.search(r"^└ metal .*see above", text, re.MULTILINE)


def test_a_chain_of_a_thousand_firms_has_a_tree_that_a_terminal_holds():
    diagram = chainprice.graph(spec(chain("x/2 + 1", 1_000)))
    text = ANSI.sub("", diagram_text(diagram, 80))
    assert len(re.findall(r"by f\d+\b", text.split("\n\n")[1])) >= 1_000
    assert max(map(len, text.splitlines())) <= 80


def test_it_is_written_to_a_file_whole(tmp_path):
    target = tmp_path / "chain.svg"
    done = run("graph", "specs/steel.yaml", "-f", "svg", "-o", str(target))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert ET.fromstring(target.read_text(encoding="utf-8")).tag == f"{SVG}svg"


def test_letters_that_an_encoding_lacks_are_escaped_as_the_format_has_it():
    texts = {
        form: run("graph", str(NASTY), "-f", form, PYTHONIOENCODING="ascii").stdout
        for form in ("svg", "dot", "mermaid")
    }
    assert all(text.isascii() for text in texts.values())
    title = ET.fromstring(texts["svg"]).find(f"{SVG}title").text
    assert title == chainprice.load(NASTY).title
    assert "&#8594; 4 " in texts["dot"]
    assert "#8594; 4 " in texts["mermaid"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["specs/nowhere.yaml"], 2, "nowhere.yaml"),
        (["specs/steel.yaml", "--numeraire", "coils"], 2, "did you mean 'coil'?"),
        (["tests/specs/invalid/unknown-name.yaml"], 2, "did you mean 'natgas'?"),
        (["specs/steel.yaml", "--set", "supply.iron_ore.quantity=0"], 3, "error: "),
    ],
)
def test_what_is_wrong_is_told_as_elsewhere(arguments, code, said):
    done = run("graph", *arguments)
    assert done.returncode == code
    assert said in done.stderr
    assert done.stdout == ""


def test_markets_are_among_what_is_drawn():
    assert {path.stem for path in MARKETS} <= {path.stem for path in ALL}


def test_a_narrow_terminal_still_says_what_stands_above():
    diagram = chainprice.graph(chainprice.load(ROOT / "specs" / "cars_and_bridges.yaml"))
    text = ANSI.sub("", diagram_text(diagram, 80))
    assert max(map(len, text.splitlines())) <= 80
    assert re.search(r"^└ steel ↑ ", text, re.MULTILINE)
    assert "\n↑ see above\n" in text
