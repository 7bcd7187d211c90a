"""Chains inside firms: their prices are exactly those of the flattened chain (MODEL.md section 7)."""

import json
import pickle
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from outputs import INSIDE, as_shown, readme_blocks, readme_examples, shell
from support import ROOT, run
from support import spec as spec_of

import chainprice
from chainprice import completion
from chainprice.arithmetic import evaluate
from chainprice.errors import SpecError, UsageError
from chainprice.spec.tree import read_tree
from chainprice.sweeping.evaluation import keys_of

DIGITS = 30


def written(folder, **files):
    """Files in a folder, each a spec as a tree; the first one's path."""
    for name, tree in files.items():
        path = folder / f"{name}.yaml"
        path.write_text(tree if isinstance(tree, str) else json.dumps(tree), encoding="utf-8")
    return folder / f"{next(iter(files))}.yaml"


def numbers(spec, **options):
    """All prices and quantities, to 30 digits, by flat names with _ for the dots."""
    solution = chainprice.solve(spec, count=DIGITS, **options)
    firms = {row.firm: (row.revenue, row.cost, row.profit, row.returns_to_scale) for row in solution.firms}
    goods = {row.good: (row.quantity, row.price) for row in solution.goods}
    return {name.replace(".", "_"): row for name, row in {**goods, **firms}.items()}


def assert_same(nested, flat, digits=DIGITS - 2):
    """Every number of both to so many digits."""
    assert nested.keys() == flat.keys()
    for name, row in nested.items():
        for a, b in zip(row, flat[name], strict=True):
            assert (a is None) == (b is None), name
            size = max(abs(Decimal(a or 0)), abs(Decimal(b or 0)))
            assert abs(Decimal(a or 0) - Decimal(b or 0)) <= size.scaleb(-digits), (name, a, b)


OUTER = """
firms:
  plant: {chain: plant.yaml}
  polymeriser: {production: {polyethylene: 1 - 1/(ethylene + 1)}}
supply: {natgas: {quantity: 4}, heat: {quantity: 1}}
demand: {polyethylene: {price: 10}}
"""
PLANT = """
title: A cracker
parameters: {k: 2}
goods: {reactor_gas: {unit: t}}
firms:
  reactor: {production: {reactor_gas: k*natgas^0.4*heat^0.3}}
  cleaner: {parameters: {loss: 0.1}, production: {ethylene: (1 - loss)*reactor_gas^0.9}}
supply: {natgas: {price: 3}, heat: {price: 1}}
demand: {ethylene: {price: 10}}
"""
BY_HAND = """
parameters: {plant_k: 2}
firms:
  plant_reactor: {production: {plant_reactor_gas: plant_k*natgas^0.4*heat^0.3}}
  plant_cleaner: {parameters: {loss: 0.1}, production: {ethylene: (1 - loss)*plant_reactor_gas^0.9}}
  polymeriser: {production: {polyethylene: 1 - 1/(ethylene + 1)}}
supply: {natgas: {quantity: 4}, heat: {quantity: 1}}
demand: {polyethylene: {price: 10}}
"""
INLINE = """
firms:
  plant:
    parameters: {k: 2}
    goods: {reactor_gas: {unit: t}}
    firms:
      reactor: {production: {reactor_gas: k*natgas^0.4*heat^0.3}}
      cleaner: {parameters: {loss: 0.1}, production: {ethylene: (1 - loss)*reactor_gas^0.9}}
  polymeriser: {production: {polyethylene: 1 - 1/(ethylene + 1)}}
supply: {natgas: {quantity: 4}, heat: {quantity: 1}}
demand: {polyethylene: {price: 10}}
"""


@pytest.fixture
def plant(tmp_path):
    return written(tmp_path, outer=OUTER, plant=PLANT)


@pytest.mark.parametrize("allocation", ["given", "competitive"])
def test_prices_are_those_of_the_chain_flattened_by_hand(tmp_path, allocation):
    chosen = f"allocation: {allocation}"
    flat = numbers(chainprice.load(f"{BY_HAND}\n{chosen}"))
    file = written(tmp_path, outer=f"{OUTER}\n{chosen}", plant=PLANT)
    assert_same(numbers(chainprice.load(file)), flat)
    assert_same(numbers(chainprice.load(f"{INLINE}\n{chosen}")), flat)


def test_what_is_inside_is_kept_as_data(plant):
    spec = chainprice.load(plant)
    (name, chain), *others = spec.chains.items()
    assert (name, others) == ("plant", [])
    assert (chain.parent, chain.firms, chain.goods) == (
        None,
        ("plant.reactor", "plant.cleaner"),
        ("plant.reactor_gas",),
    )
    assert chain.links == {"natgas": "natgas", "heat": "heat", "ethylene": "ethylene"}
    assert (chain.title, chain.path) == ("A cracker", str(plant.parent / "plant.yaml"))
    assert spec.unit("plant.reactor_gas") == "t"
    assert list(spec.firms) == ["plant.reactor", "plant.cleaner", "polymeriser"]
    assert str(spec.firms["plant.reactor"].production["plant.reactor_gas"]) == "plant.k*natgas^0.4*heat^0.3"


def test_the_books_of_a_firm_are_those_of_its_firms_together(plant):
    solution = chainprice.solve(chainprice.load(plant), count=DIGITS)
    (chain,) = solution.chains
    firms = {row.firm: row for row in solution.firms}
    reactor, cleaner = firms["plant.reactor"], firms["plant.cleaner"]
    assert (chain.revenue, chain.cost) == (cleaner.revenue, reactor.cost)
    assert chain.internal == reactor.revenue == cleaner.cost
    assert abs(chain.profit - reactor.profit - cleaner.profit) < Decimal("1e-28")


LOOP = """
firms:
  works:
    links: {steam: steam}
    firms:
      boiler: {production: {steam: 3*fuel^0.5}}
      still: {production: {spirit: steam^0.4*wort^0.4, heat: 0.1*steam}}
      recovery: {production: {steam: heat^0.5}}
  brewery: {production: {wort: malt^0.5*steam^0.3}}
supply: {fuel: {price: 0.2}, malt: {quantity: 2}}
demand: {spirit: {price: 10 - q/10}}
"""
LOOP_BY_HAND = """
firms:
  works_boiler: {production: {steam: 3*fuel^0.5}}
  works_still: {production: {spirit: steam^0.4*wort^0.4, works_heat: 0.1*steam}}
  works_recovery: {production: {steam: works_heat^0.5}}
  brewery: {production: {wort: malt^0.5*steam^0.3}}
supply: {fuel: {price: 0.2}, malt: {quantity: 2}}
demand: {spirit: {price: 10 - q/10}}
"""


def test_a_loop_through_a_firm_and_one_inside_it():
    nested = chainprice.load(LOOP)
    assert_same(numbers(nested), numbers(chainprice.load(LOOP_BY_HAND)), 20)
    assert chainprice.verify(nested).verified
    solution = chainprice.solve(nested, count=DIGITS)
    (chain,) = solution.chains
    assert chain.goods == ("works.heat",)
    inner = sum(row.profit for row in solution.firms if row.firm.startswith("works."))
    assert abs(chain.profit - inner) < Decimal("1e-20")
    prices, quantities = solution.prices, solution.quantities
    sold = sum(
        use.quantity
        for row in solution.goods
        if row.good == "steam"
        for use in row.uses
        if use.user == "brewery"
    )
    bought = sum(use.quantity for row in solution.goods if row.good == "wort" for use in row.uses)
    assert abs(chain.revenue - prices["spirit"] * quantities["spirit"] - prices["steam"] * sold) < Decimal(
        "1e-20"
    )
    assert abs(chain.cost - prices["fuel"] * quantities["fuel"] - prices["wort"] * bought) < Decimal("1e-20")


def test_names_inside_and_outside_do_not_meet(tmp_path):
    """Outside there are a good k, a parameter e and a good loss; inside, a parameter k, the constant e, a loss."""
    outer = """
parameters: {e: 100}
firms:
  plant: {chain: plant.yaml, links: {gas: k, ethylene: loss}}
  user: {production: {out: loss^0.5*k^0.2*e}}
goods: {k: {rival: false}}
supply: {k: {quantity: 4}}
demand: {out: {price: 1}}
"""
    plant = """
parameters: {k: 2}
firms:
  reactor: {production: {raw: k*e*gas^0.4}}
  cleaner: {parameters: {loss: 0.1}, production: {ethylene: (1 - loss)*raw^0.9}}
supply: {gas: {price: 1}}
demand: {ethylene: {price: 1}}
"""
    flat = """
parameters: {e: 100, two: 2}
firms:
  plant_reactor: {production: {plant_raw: two*exp(1)*k^0.4}}
  plant_cleaner: {parameters: {own: 0.1}, production: {loss: (1 - own)*plant_raw^0.9}}
  user: {production: {out: loss^0.5*k^0.2*e}}
goods: {k: {rival: false}}
supply: {k: {quantity: 4}}
demand: {out: {price: 1}}
"""
    spec = chainprice.load(written(tmp_path, outer=outer, plant=plant))
    assert_same(numbers(spec), numbers(chainprice.load(flat)))
    assert chainprice.verify(spec).verified


def test_two_goods_inside_may_be_one_outside(tmp_path):
    plant = "firms: {f: {production: {y: a^0.3*b^0.4}}}\nsupply: {a: {price: 1}, b: {price: 1}}\ndemand: {y: {price: 1}}"
    outer = "firms: {p: {chain: plant.yaml, links: {a: x, b: x}}}\nsupply: {x: {quantity: 2}}\ndemand: {y: {price: 1}}"
    flat = "firms: {p_f: {production: {y: x^0.3*x^0.4}}}\nsupply: {x: {quantity: 2}}\ndemand: {y: {price: 1}}"
    spec = chainprice.load(written(tmp_path, outer=outer, plant=plant))
    assert_same(numbers(spec), numbers(chainprice.load(flat)))


def test_a_file_twice_with_other_parameters(tmp_path):
    plant = "parameters: {k: 2}\nfirms: {a: {production: {m: k*x^0.5}}, b: {production: {y: m^0.9}}}\nsupply: {x: {price: 1}}\ndemand: {y: {price: 1}}"
    outer = """
firms:
  old: {chain: plant.yaml}
  new: {chain: plant.yaml, parameters: {k: 3}}
supply: {x: {quantity: 2}}
demand: {y: {price: 1}}
"""
    flat = """
firms:
  old_a: {production: {old_m: 2*x^0.5}}
  old_b: {production: {y: old_m^0.9}}
  new_a: {production: {new_m: 3*x^0.5}}
  new_b: {production: {y: new_m^0.9}}
supply: {x: {quantity: 2}}
demand: {y: {price: 1}}
"""
    path = written(tmp_path, outer=outer, plant=plant)
    assert_same(numbers(chainprice.load(path)), numbers(chainprice.load(flat)), 20)
    assert len(chainprice.load(path).files) == 1


# Settings.


@pytest.mark.parametrize("setting", ["plant.k=3", "plant.reactor.k=3"])
@pytest.mark.parametrize("form", ["file", "inline"])
def test_settings_reach_inside(plant, setting, form):
    source = plant if form == "file" else INLINE
    spec = chainprice.load(source, [setting])
    assert_same(numbers(spec), numbers(chainprice.load(BY_HAND, ["plant_k=3"])))
    assert spec.settings == (setting,)
    again = chainprice.load(spec.source, spec.settings)  # as simulate does for a shock
    assert again.parameters == spec.parameters


def test_a_setting_for_one_firm_leaves_the_others(tmp_path):
    plant = "parameters: {k: 2}\nfirms: {a: {production: {m: k*x^0.5}}, b: {production: {y: k*m^0.9}}}\nsupply: {x: {price: 1}}\ndemand: {y: {price: 1}}"
    outer = "firms: {p: {chain: plant.yaml}}\nsupply: {x: {quantity: 2}}\ndemand: {y: {price: 1}}"
    flat = "firms: {p_a: {production: {p_m: 5*x^0.5}}, p_b: {production: {y: 2*p_m^0.9}}}\nsupply: {x: {quantity: 2}}\ndemand: {y: {price: 1}}"
    spec = chainprice.load(written(tmp_path, outer=outer, plant=plant), ["p.a.k=5"])
    assert_same(numbers(spec), numbers(chainprice.load(flat)))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("plant.q=3", "the chain in 'plant.yaml' has no parameter 'q'"),
        ("plant.reactor.q=3", "no parameter of firm 'reactor' 'q'"),
        ("plant.reacto.k=3", "no firm 'reacto'"),
        ("plant.reactor.k=x", "a number cannot depend on 'x'"),
        ("plan.reactor.k=3", "names nothing that can be set"),
    ],
)
def test_settings_that_reach_nothing(plant, monkeypatch, setting, message):
    monkeypatch.chdir(plant.parent)
    with pytest.raises((UsageError, SpecError)) as caught:
        chainprice.load("outer.yaml", [setting])
    assert message in str(caught.value)
    assert f"--set {setting.partition('=')[0]}" in str(caught.value)


# What is shared.


def test_units_and_rivalry_must_agree(tmp_path):
    plant = PLANT.replace(
        "goods: {", "goods: {natgas: {unit: GJ}, ethylene: {rival: false}, heat: {unit: kWh}, "
    )
    outer = f"{OUTER}\ngoods: {{natgas: {{unit: MMBtu}}, ethylene: {{unit: t}}}}"
    with pytest.raises(SpecError) as caught:
        chainprice.load(written(tmp_path, outer=outer, plant=plant))
    message = str(caught.value)
    assert "the unit of 'natgas' is GJ here" in message
    assert "'ethylene' is non-rival here" in message
    assert f"{tmp_path}/plant.yaml:4:" in message
    assert len(caught.value.problems) == 2
    sound = chainprice.load(
        written(tmp_path, outer=OUTER, plant=PLANT.replace("goods: {", "goods: {heat: {unit: kWh}, "))
    )
    assert sound.unit("heat") == "kWh"  # only the plant says so


SPLIT = """
firms:
  plant:
    {notes}
    firms:
      a: {{production: {{m: x^0.5}}}}
      b: {{production: {{n: x^0.5}}}}
      c: {{production: {{y: m + n}}}}
  other: {{production: {{z: x^0.5}}}}
goods: {{x: {{split: {{plant: 0.6, other: 0.4}}}}}}
supply: {{x: {{quantity: 2}}}}
demand: {{y: {{price: 1}}, z: {{price: 1}}}}
"""


def test_a_firm_divides_its_share_by_its_own_split():
    spec = chainprice.load(SPLIT.format(notes="goods: {x: {split: {a: 0.25, b: 0.75}}}"))
    flat = "\n".join(
        [
            "firms: {plant_a: {production: {plant_m: x^0.5}}, plant_b: {production: {plant_n: x^0.5}}, "
            "plant_c: {production: {y: plant_m + plant_n}}, other: {production: {z: x^0.5}}}",
            "goods: {x: {split: {plant_a: 0.15, plant_b: 0.45, other: 0.4}}}",
            "supply: {x: {quantity: 2}}",
            "demand: {y: {price: 1}, z: {price: 1}}",
        ]
    )
    assert_same(numbers(spec), numbers(chainprice.load(flat)))


@pytest.mark.parametrize(
    ("notes", "message"),
    [
        ("goods: {}", "the split of 'x' says nothing of its uses in firm 'plant': 'a', 'b'"),
        ("goods: {x: {split: {a: 0.5, d: 0.5}}}", "'plant.d' does not use 'x'"),
        ("goods: {x: {split: {a: 0.5}}}", "the split of 'x' leaves out 'plant.b'"),
    ],
)
def test_a_split_must_say_who_has_what_inside(notes, message):
    with pytest.raises(SpecError) as caught:
        chainprice.load(SPLIT.format(notes=notes))
    assert message in str(caught.value)


# What is wrong.


def messages(folder, **files):
    with pytest.raises(SpecError) as caught:
        chainprice.load(written(folder, **files))
    return [(str(p.place).removeprefix(f"{folder}/"), p.message) for p in caught.value.problems]


def test_everything_that_is_wrong_with_all_files_is_said_at_once(tmp_path):
    outer = OUTER.replace("{quantity: 1}", "{quantity: -1}")
    plant = PLANT.replace("k*natgas", "k*natgs").replace("(1 - loss)", "(1 - los)")
    assert messages(tmp_path, outer=outer, plant=plant) == [
        ("outer.yaml:5:50", "a quantity here is a limit and cannot be negative"),
        ("plant.yaml:6:41", "unknown name 'natgs' in the production of 'reactor_gas' by firm 'reactor'"),
        ("plant.yaml:7:66", "unknown name 'los' in the production of 'ethylene' by firm 'cleaner'"),
    ]
    broken = PLANT.replace("k*natgas^0.4", "k*natgas^^0.4").replace("{price: 3}", "{prise: 3}")
    assert messages(tmp_path, outer=outer, plant=broken)[1:] == [
        ("plant.yaml:6:48", "something is missing before '^'"),
        ("plant.yaml:8:19", "unknown key 'prise'"),
    ]


def test_a_file_that_is_named_twice_is_complained_of_once(tmp_path):
    outer = OUTER.replace("firms:", "firms:\n  twin: {chain: plant.yaml}")
    (problem,) = messages(tmp_path, outer=outer, plant=PLANT.replace("k*natgas", "kk*natgas"))
    assert problem[0] == "plant.yaml:6:39"


def test_a_chain_that_includes_itself_shows_the_loop(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.yaml").write_text("firms: {q: {chain: c.yaml}}", encoding="utf-8")
    (tmp_path / "sub" / "c.yaml").write_text("firms:\n  r: {chain: b.yaml}", encoding="utf-8")
    outer = "firms: {p: {chain: sub/b.yaml}}\ndemand: {y: {price: 1}}"
    assert messages(tmp_path, outer=outer) == [
        ("sub/c.yaml:2:14", "this chain is inside itself: b.yaml > c.yaml > b.yaml")
    ]
    own = "firms:\n  p: {chain: outer.yaml}\ndemand: {y: {price: 1}}"
    assert messages(tmp_path, outer=own) == [
        ("outer.yaml:2:14", "this chain is inside itself: outer.yaml > outer.yaml")
    ]


@pytest.mark.parametrize(
    ("firm", "message"),
    [
        ("{chain: nowhere.yaml}", "there is no file 'nowhere.yaml' beside the spec"),
        ("{chain: ../plant.yaml}", "'../plant.yaml' leads out of a folder by '..'"),
        ("{chain: 7}", "there is no file '7' beside the spec"),
        ("{chain: [plant.yaml]}", "chain is the path of a file"),
        (
            "{chain: plant.yaml, firms: {a: {production: {b: 1}}}}",
            "a firm has one of production, firms, chain",
        ),
        ("{chain: plant.yaml, production: {ethylene: natgas}}", "a firm has one of production, firms, chain"),
        ("{chain: plant.yaml, goods: {natgas: {unit: t}}}", "notes on goods of this chain stand in its file"),
        ("{chain: plant.yaml, links: {natgaz: natgas}}", "the chain of firm 'plant' has no good 'natgaz'"),
        ("{chain: plant.yaml, links: {natgas: oil}}", "unknown good 'oil'"),
        ("{chain: plant.yaml, links: {natgas: a.b}}", "the name of a good is expected"),
        ("{chain: plant.yaml, parameters: {kk: 2}}", "the chain in 'plant.yaml' has no parameter 'kk'"),
        (
            "{production: {ethylene: natgas}, links: {a: b}}",
            "links are for a firm that is a chain, with `firms` or `chain`",
        ),
        ("{firms: {}}", "firm 'plant' has no firms in it"),
        (
            "{firms: {a: {production: {ethylene: nothing}}}}",
            "unknown name 'nothing' in the production of 'ethylene' by firm 'plant.a'",
        ),
        ("{firms: {a: {production: {ethylene: plant.x}}}}", "'.' is not part of a formula"),
    ],
)
def test_a_firm_that_is_no_chain_is_told_why(tmp_path, monkeypatch, firm, message):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, outer=OUTER.replace("{chain: plant.yaml}", firm), plant=PLANT)
    with pytest.raises(SpecError) as caught:
        chainprice.load(Path("outer.yaml"))
    found = [(problem.message, str(problem.place)) for problem in caught.value.problems]
    assert [text for text, _ in found] == [message]
    assert found[0][1].startswith("outer.yaml:3:")


def test_what_a_chain_takes_must_be_there(tmp_path):
    outer = OUTER.replace(", heat: {quantity: 1}", "")
    (problem,) = messages(tmp_path, outer=outer, plant=PLANT)
    assert problem == (
        "outer.yaml:3:18",
        "the chain of firm 'plant' takes 'heat' from outside, and there is no such good there",
    )


def test_a_text_has_no_folder():
    with pytest.raises(SpecError, match="a text has no folder in which 'plant.yaml' could be"):
        chainprice.load(OUTER)
    done = run("check", "-", stdin=OUTER)
    assert (done.returncode, "standard input has no folder" in done.stderr) == (2, True)


def test_where_a_formula_is_undefined_its_own_file_is_shown(tmp_path):
    plant = PLANT.replace("natgas^0.4", "sqrt(natgas - 9)")
    with pytest.raises(chainprice.errors.UndefinedError) as caught:
        chainprice.solve(chainprice.load(written(tmp_path, outer=OUTER, plant=plant)))
    (problem,) = caught.value.problems
    assert str(problem.place) == f"{tmp_path}/plant.yaml:6:41"
    assert problem.place.text[problem.place.column - 1 :][: problem.place.length] == "sqrt(natgas - 9)"
    assert "plant.k*sqrt(natgas - 9)" in problem.message


# The commands.


def test_the_hash_covers_every_file(tmp_path):
    path = written(tmp_path, outer=OUTER, plant=PLANT)
    first = chainprice.solve(chainprice.load(path))
    shell = "sha256sum outer.yaml plant.yaml | cut -d' ' -f1 | sha256sum | cut -d' ' -f1"
    by_hand = subprocess.run(["bash", "-c", shell], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert first.sha256 == by_hand.stdout.strip()
    table = tmp_path / "table.json"
    table.write_text(json.dumps(first.to_dict()), encoding="utf-8")
    written(tmp_path, outer=OUTER, plant=PLANT.replace("k: 2", "k: 2.5"))
    done = run("verify", str(path), "--table", str(table), "-f", "json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["specs"][0]["table"]["sha256_matches"] is False


def test_a_failing_row_is_shown_in_its_own_file(tmp_path):
    path = written(tmp_path, outer=OUTER, plant=PLANT)
    table = chainprice.solve(chainprice.load(path)).to_dict()
    next(row for row in table["goods"] if row["good"] == "plant.reactor_gas")["price"] *= 2
    (tmp_path / "table.json").write_text(json.dumps(table), encoding="utf-8")
    done = run("verify", str(path), "--table", str(tmp_path / "table.json"), "-f", "github")
    assert done.returncode == 1
    assert f"file={tmp_path}/plant.yaml,line=6" in done.stdout


def test_a_part_of_a_chain_in_a_folder_is_no_spec(tmp_path):
    part = "firms: {a: {production: {ethylene: 2*natgas^0.5*heat^0.1}}}"
    written(tmp_path, outer=OUTER, plant=part)
    done = run("verify", str(tmp_path), "-f", "json")
    assert (done.returncode, json.loads(done.stdout)["skipped"]) == (0, [str(tmp_path / "plant.yaml")])
    assert run("verify", str(tmp_path / "plant.yaml")).returncode == 2


def test_the_table_has_what_is_inside_under_the_firm(plant):
    lines = run("solve", str(plant)).stdout.splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("plant "))
    assert lines[place + 1].startswith("  reactor_gas  intermediate")
    assert "plant: its firms pay each other" in "\n".join(lines)
    narrow = run("solve", str(plant), "-f", "markdown").stdout
    assert "| &emsp;reactor\\_gas | intermediate |" in narrow
    assert "\\quad reactor\\_gas & intermediate" in run("solve", str(plant), "-f", "latex").stdout
    assert "P_{\\mathrm{plant.reactor\\_gas}}" in run("solve", str(plant), "-f", "latex").stdout
    assert "plant.reactor_gas,intermediate," in run("solve", str(plant), "-f", "csv").stdout


@pytest.mark.parametrize("arguments", [
    ("explain", "--good", "plant.reactor_gas"), ("explain",), ("explain", "-f", "latex"), ("check",),
    ("solve", "--numeraire", "plant.reactor_gas"), ("verify", "--method", "symbolic"), ("verify", "--method", "numeric"),
    ("verify", "--method", "adjoint"), ("simulate", "--steps", "20"),
])  # fmt: skip
def test_every_command_takes_it(plant, arguments):
    command, *options = arguments
    done = run(command, str(plant), *options)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("form", ["json", "csv"])
def test_its_own_table_is_verified_and_in_equilibrium(plant, form):
    table = run("solve", str(plant), "-f", form).stdout
    assert run("verify", str(plant), "--table", "-", stdin=table).returncode == 0
    if form == "json":
        observed = run("diagnose", str(plant), "--observed", "-", stdin=table)
        assert (observed.returncode, observed.stderr) == (0, "")


# With what else there is.


FORMS = """
parameters: {sigma: 0.5, half: 1/2}
firms:
  mixer: {production: {m: {form: ces, elasticity: sigma, shares: {x: half, y: 0.5}}}}
  dryer: {production: {z: {form: cobb_douglas, exponents: {m: 0.5}}}}
"""


@pytest.mark.parametrize(
    ("settings", "sigma"), [((), "2"), (("plant.sigma=1",), "1"), (("plant.mixer.sigma=0.5",), "1/2")]
)
def test_the_parameters_of_forms_inside_come_from_outside(tmp_path, settings, sigma):
    """What a form means may hang on a parameter: an elasticity of 1 makes it Cobb-Douglas."""
    trades = "supply: {x: {quantity: 4}, y: {quantity: 3}}\ndemand: {z: {price: 1}}"
    outer = f"firms: {{plant: {{chain: plant.yaml, parameters: {{sigma: 2}}}}}}\n{trades}"
    path = written(tmp_path, outer=outer, plant=FORMS)
    flat = (
        FORMS.replace("sigma: 0.5", f"sigma: {sigma}")
        .replace("{m:", "{plant_m:")
        .replace("mixer", "plant_mixer")
    )
    flat = f"{flat}{trades}".replace("dryer", "plant_dryer")
    assert_same(numbers(chainprice.load(path, settings)), numbers(chainprice.load(flat)))
    inline = FORMS.replace("\n", "\n    ").replace("sigma: 0.5", f"sigma: {sigma}")
    assert_same(
        numbers(chainprice.load(f"firms:\n  plant:{inline}\n{trades}")), numbers(chainprice.load(flat))
    )


def test_a_good_that_stays_inside_is_not_there_outside(tmp_path):
    outer = OUTER.replace("1/(ethylene + 1)", "1/(ethylene + 1) + 0*reactor_gas")
    with pytest.raises(SpecError) as caught:
        chainprice.load(written(tmp_path, outer=outer, plant=PLANT))
    (problem,) = caught.value.problems
    assert problem.message.startswith("unknown name 'reactor_gas'")
    assert problem.hint == "it stays inside 'plant'; `links: {reactor_gas: reactor_gas}` there shares it"
    mended = OUTER.replace("{chain: plant.yaml}", "{chain: plant.yaml, links: {reactor_gas: reactor_gas}}")
    mended = mended.replace("demand: {", "demand: {reactor_gas: {price: 1}, ")
    assert (
        "reactor_gas"
        in chainprice.solve(chainprice.load(written(tmp_path, outer=mended, plant=PLANT))).prices
    )


def test_what_a_shell_offers_reaches_inside(plant):
    assert "plant.reactor_gas" in completion.goods([str(plant)])
    offered = completion.settings([str(plant)])
    assert {"plant.k=", "plant.reactor.k=", "plant.cleaner.loss=", "supply.natgas.quantity="} <= {*offered}
    for setting in offered:
        if not setting.startswith(("supply", "demand")):
            chainprice.load(plant, [f"{setting}0.5"])
    plant.with_name("plant.yaml").write_text("firms: [", encoding="utf-8")
    assert completion.goods([str(plant)]) == ["natgas", "heat", "polyethylene"]


def test_the_schema_knows_firms_inside_firms():
    check = Draft202012Validator(chainprice.schema())
    firm = {"production": {"y": "x"}}
    trades = {"supply": {"x": {"quantity": 1}}, "demand": {"y": {"price": 1}}}
    for sound in (
        firm,
        {"firms": {"a": {"firms": {"b": firm}}}},
        {"chain": "plant.yaml", "links": {"a": "b"}},
    ):
        assert check.is_valid({"firms": {"f": sound}, **trades})
    for wrong in (
        {"firms": {"a": {"firms": {"b": {}}}}},
        {"chain": "a.yaml", **firm},
        {"firms": {}},
        {"links": {"a": "b"}},
    ):
        assert not check.is_valid({"firms": {"f": wrong}, **trades})


def test_a_split_with_what_leaves_is_divided_outside():
    """Inside, a third of y is used and the rest leaves; outside, the plant as a whole has 0.4 of it."""
    text = """
firms:
  plant:
    links: {y: y}
    goods: {y: {split: {b: 1/6, c: 1/6, demand: 2/3}}}
    firms:
      a: {production: {y: x^0.5}}
      b: {production: {u: y^0.5}}
      c: {production: {v: y^0.4}}
goods: {y: {split: {plant: 0.4, demand: 0.6}}}
supply: {x: {quantity: 4}}
demand: {y: {price: 1}, u: {price: 2}, v: {price: 3}}
"""
    spec = chainprice.load(text)
    shares = {user: evaluate(share) for user, share in spec.goods["y"].split.items()}
    assert shares == {"plant.b": Decimal("0.2"), "plant.c": Decimal("0.2"), "demand": Decimal("0.6")}
    assert chainprice.verify(spec).verified


# The page.

NESTED = ROOT / "tests" / "specs" / "nested"


@pytest.mark.parametrize(("command", "output"), list(readme_examples(INSIDE)), ids=lambda text: text[:60])
def test_an_example_of_the_page_prints_what_it_says(command, output):
    assert as_shown(shell(command)) == output
    assert "error" not in output


def test_the_specs_of_the_page_are_files_and_have_the_same_prices():
    inline, plant = readme_blocks("yaml", INSIDE)
    assert inline == (NESTED / "ethylene.yaml").read_text(encoding="utf-8")
    assert (NESTED / "plant.yaml").read_text(encoding="utf-8").endswith(f"\n{plant}")
    one, other = (chainprice.load(NESTED / name) for name in ("ethylene.yaml", "by_file.yaml"))
    assert_same(numbers(one), numbers(other))
    assert all(
        chainprice.verify(spec).verified for spec in (one, other, chainprice.load(NESTED / "plant.yaml"))
    )


@pytest.mark.parametrize("command", ["solve", "explain", "check", "verify", "simulate"])
def test_no_result_replaces_a_file_of_a_chain(plant, command):
    target = plant.with_name("plant.yaml")
    done = run(command, str(plant), "-o", str(target))
    assert (done.returncode, "the output would replace its own input" in done.stderr) == (2, True)
    assert target.read_text(encoding="utf-8") == PLANT
    assert run(command, str(plant), "-o", str(plant.with_name("new.txt"))).returncode == 0


# Firms of a chain by the table.

TABLED = """
parameters: {k: 3}
firms:
  plant: {chain: parts/works.yaml, links: {ore: natgas, pipe: ethylene}, parameters: {scale: 1.5}}
  twin: {chain: parts/works.yaml, links: {ore: natgas, pipe: ethylene}}
  mill:
    parameters: {clean: 0.7}
    goods: {raw: {unit: t}}
    firms:
      table: units.csv
      "{unit}": {production: {"{makes}": "eff*clean*{takes}^0.8"}, parameters: {eff: 2}}
      last: {production: {plastic: raw^0.5}}
  maker: {production: {film: k*ethylene^0.5}}
goods: {natgas: {split: {plant: 0.3, twin: 0.2, mill: 0.5}}, ethylene: {split: {maker: 1}}}
supply: {natgas: {quantity: 10}}
demand: {film: {price: 7}, plastic: {price: 9}}
"""

UNITS = "unit,makes,takes,eff\nfirst,semi,natgas,0.9\nsecond,raw,semi,\n"

WORKS = """
parameters: {scale: 1}
firms: {table: works.csv}
supply: {ore: {quantity: 4}}
demand: {pipe: {price: 5}}
"""

ROWS = "firm,output,formula,p\nsmelter,iron,scale*p*ore^0.5,0.5\nroller,pipe,iron^0.9,\n"

IN_YAML = (
    ("table: units.csv", 'first: {production: {semi: eff*clean*natgas^0.8}, parameters: {eff: 0.9}}'),
    ('"{unit}": {production: {"{makes}": "eff*clean*{takes}^0.8"}', "second: {production: {raw: eff*clean*semi^0.8}"),
)  # fmt: skip

WORKS_IN_YAML = WORKS.replace(
    "{table: works.csv}",
    """
  smelter: {production: {iron: scale*p*ore^0.5}, parameters: {p: 0.5}}
  roller: {production: {pipe: iron^0.9}}""",
)


def tabled(folder, *, spec=TABLED, units=UNITS, works=WORKS, rows=ROWS):
    (folder / "parts").mkdir(exist_ok=True, parents=True)
    written(folder / "parts", works=works)
    (folder / "units.csv").write_text(units, encoding="utf-8")
    (folder / "parts" / "works.csv").write_text(rows, encoding="utf-8")
    return written(folder, spec=spec)


def test_firms_inside_firms_by_the_table_are_those_written_out(tmp_path):
    spec = TABLED
    for table, yaml in IN_YAML:
        assert table in spec
        spec = spec.replace(table, yaml)
    out = tabled(tmp_path / "out", spec=spec, works=WORKS_IN_YAML)
    for changes in [
        (),
        (
            "mill.first.eff=1.1",
            "mill.second.eff=1.7",
            "mill.clean=0.8",
            "plant.smelter.p=0.6",
            "twin.scale=2",
        ),
    ]:
        tables = chainprice.load(tabled(tmp_path / "in"), changes)
        assert {*tables.firms} == {
            "maker", "mill.first", "mill.second", "mill.last", "plant.smelter", "plant.roller", "twin.smelter", "twin.roller",
        }  # fmt: skip
        assert_same(numbers(tables), numbers(chainprice.load(out, changes)))


def test_the_schema_knows_tables_inside_firms():
    schema = Draft202012Validator(chainprice.schema("spec"))
    assert schema.is_valid(read_tree(TABLED).tree)
    assert schema.is_valid(read_tree(WORKS).tree)
    chain = TABLED.replace('{production: {"{makes}": "eff*clean*{takes}^0.8"}', "{chain: parts/works.yaml")
    assert chain != TABLED
    assert not schema.is_valid(read_tree(chain).tree)  # nor does `load` take a template that is a chain
    assert not schema.is_valid(read_tree(TABLED.replace("table: units.csv", "table: [units.csv]")).tree)


def test_what_is_wrong_in_a_table_inside_a_firm_is_shown_in_its_cell(tmp_path):
    def said(**files):
        with pytest.raises(SpecError) as caught:
            chainprice.load(tabled(tmp_path, **files))
        return [(str(p.place).removeprefix(f"{tmp_path}/"), p.message) for p in caught.value.problems]

    rows = ROWS.replace("iron^0.9", "iron^^0.9")
    units = UNITS.replace("first,semi,natgas", "first,semi,natgs")
    assert said(units=units, rows=rows) == [
        ("units.csv:2:12", "unknown name 'natgs' in the production of 'semi' by firm 'mill.first'"),
        ("parts/works.csv:3:18", "something is missing before '^'"),
    ]
    assert said(rows=ROWS.replace("p*ore", "pp*ore")) == [
        ("parts/works.csv:2:20", "unknown name 'pp' in the production of 'iron' by firm 'smelter'"),
    ]
    broken = TABLED.replace("k: 3", "k: x").replace("raw^0.5", "rw^0.5")
    assert said(spec=broken, rows=ROWS.replace("formula", "formla"))[1:] == [
        ("parts/works.csv:1:1", "no column 'formula' or 'form'"),
    ]
    (problem,) = said(spec=TABLED.replace("units.csv", "unit.csv"))
    assert problem == ("spec.yaml:10:14", "there is no file 'unit.csv' beside the spec")
    (problem,) = said(spec=TABLED.replace("units.csv", "../units.csv"))
    assert problem == ("spec.yaml:10:14", "'../units.csv' leads out of a folder by '..'")
    chain = TABLED.replace('{production: {"{makes}": "eff*clean*{takes}^0.8"}', "{chain: parts/works.yaml")
    assert said(spec=chain) == [("spec.yaml:11:18", "the firms of a table are no chains")]
    two = TABLED.replace("      last:", '      "{makes}": {production: {x: natgas}}\n      last:')
    assert said(spec=two) == [("spec.yaml:12:7", "a second template for the firms of the table")]


def test_a_setting_in_a_table_inside_a_firm_names_what_is_there(tmp_path):
    path = str(tabled(tmp_path))
    for setting, hint in [
        ("mill.frist.eff=1", "'first'"),
        ("plant.smelter.q=1", "p"),
        ("mill.first.ef=1", "'eff'"),
    ]:
        done = run("solve", path, "--set", setting)
        assert (done.returncode, hint in done.stderr) == (2, True)
    offered = {*completion.settings([path])}
    assert {"mill.first.eff=", "mill.second.eff=", "plant.smelter.p=", "twin.scale="} <= offered


def test_the_hash_covers_the_tables_of_every_file(tmp_path):
    spec = chainprice.load(tabled(tmp_path))
    shell = """
    of() { sha256sum "$@" | cut -c1-64 | sha256sum | cut -c1-64; }
    { of spec.yaml units.csv; cd parts; of works.yaml works.csv; } | sha256sum | cut -c1-64"""
    by_hand = subprocess.run(["bash", "-c", shell], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert spec.sha256 == by_hand.stdout.strip()
    for command in ("sensitivity", "simulate"):
        done = run(command, str(tmp_path / "spec.yaml"), "-f", "json")
        assert json.loads(done.stdout).get("spec", json.loads(done.stdout))["sha256"] == spec.sha256
    changed = {spec.sha256}
    changed.add(chainprice.load(tabled(tmp_path, units=UNITS.replace("0.9", "0.8"))).sha256)
    changed.add(chainprice.load(tabled(tmp_path, rows=ROWS.replace("0.9", "0.8"))).sha256)
    assert len(changed) == 3


@pytest.mark.parametrize("table", ["units.csv", "parts/works.csv"])
def test_no_result_replaces_a_table_of_a_chain(tmp_path, table):
    path, target = tabled(tmp_path), tmp_path / table
    before = target.read_bytes()
    for command in ("solve", "sensitivity", "check"):
        done = run(command, str(path), "-o", str(target))
        assert (done.returncode, "the output would replace its own input" in done.stderr) == (2, True)
    assert target.read_bytes() == before


def test_a_table_that_an_alias_names_again_and_again_is_refused(tmp_path):
    lines = ["firms: {table: units.csv, last: {production: {plastic: raw^0.5}}}"]
    for depth in range(12):
        lines = [
            "firms:",
            f"  a: &a{depth}",
            *(f"    {line}" for line in lines),
            *(f"  b{twin}: *a{depth}" for twin in range(4)),
        ]
    units = "firm,output,formula\n" + "".join(f"f{row},raw,natgas/{row}\n" for row in range(1, 40))
    ends = "supply: {natgas: {quantity: 1}}\ndemand: {plastic: {price: 1}}"
    with pytest.raises(SpecError, match="firms inside firms|inside each other"):
        chainprice.load(tabled(tmp_path, spec="\n".join([*lines, ends]), units=units))


def test_a_file_with_a_table_is_read_again_only_so_often(tmp_path):
    rows = "firm,output,formula\n" + "".join(f"f{row},pipe,ore*scale/{row}\n" for row in range(1, 2_001))
    plants = "".join(
        f"  p{n}: {{chain: parts/works.yaml, links: {{ore: natgas}}, parameters: {{scale: {n}}}}}\n"
        for n in range(1, 60)
    )
    spec = f"firms:\n{plants}supply: {{natgas: {{quantity: 1}}}}\ndemand: {{pipe: {{price: 1}}}}\n"
    with pytest.raises(SpecError, match="more than 100,000 firms inside firms"):
        chainprice.load(tabled(tmp_path, spec=spec, rows=rows))


# What moves, and what was seen.


def test_sensitivity_knows_what_is_inside_by_the_names_that_can_be_set(tmp_path):
    """Against differences of solve, with each number set by the name that the result has for it."""
    path = tabled(tmp_path, spec=TABLED.replace("{k: 3}", "{k: 3, eff: 4}"))  # eff is there outside too
    result = chainprice.sensitivity(chainprice.load(path), of=["mill.semi"])
    rows = {row.name: row for row in result.rows}
    for name in (
        "mill.first.eff",
        "mill.clean",
        "plant.scale",
        "twin.smelter.p",
        "k",
        "supply.natgas.quantity",
    ):
        row, step = rows[name], Decimal("1e-8")
        values = [
            chainprice.solve(chainprice.load(path, [f"{name}={Decimal(repr(row.value)) + by}"]), count=DIGITS)
            for by in (step, -step)
        ]
        slope = (Decimal(values[0].total_value) - Decimal(values[1].total_value)) / (2 * step)
        assert float(slope) == pytest.approx(row.derivative, rel=1e-9)
    assert {"productivity.mill.first", "productivity.plant.roller", "split.natgas.mill.first"} <= rows.keys()
    (of_semi,) = result.prices
    assert of_semi.good == "mill.semi"
    assert not any(name.count("mill") > 1 for name in rows)


def test_sensitivity_at_a_kink_inside_a_firm_has_both_slopes():
    spec = chainprice.load("""
firms:
  plant:
    firms:
      a: {production: {half: "min(ore, 4)"}}
      b: {production: {end: "2*half"}}
supply: {ore: {quantity: 4}}
demand: {end: {price: 3}}
""")
    rows = {row.name: row for row in chainprice.sensitivity(spec).rows}
    assert rows["supply.ore.quantity"].one_sided == pytest.approx((0, 6))
    assert rows["productivity.plant.a"].derivative == pytest.approx(24)


def test_a_tax_on_a_good_inside_a_firm_is_borne_as_in_the_chain_by_hand(tmp_path):
    inside = chainprice.load(
        "allocation: competitive\nfirms:\n  plant: {firms: {a: {production: {raw: ore^0.5}}, b: {production: {end: raw^0.5}}}}\n"
        "supply: {ore: {price: 1}}\ndemand: {end: {price: 9}}\n"
    )  # fmt: skip
    flat = chainprice.load(
        "allocation: competitive\nfirms: {a: {production: {raw: ore^0.5}}, b: {production: {end: raw^0.5}}}\n"
        "supply: {ore: {price: 1}}\ndemand: {end: {price: 9}}\n"
    )
    (one,) = chainprice.sensitivity(inside, taxes=["plant.raw=10%"]).taxes
    (other,) = chainprice.sensitivity(flat, taxes=["raw=10%"]).taxes
    one, other = ({k: v for k, v in tax._asdict().items() if k != "good"} for tax in (one, other))
    assert one.keys() == other.keys()
    for key, value in one.items():
        assert value == (pytest.approx(other[key], rel=1e-6) if isinstance(value, float) else other[key])


def test_a_sweep_varies_what_is_inside(tmp_path):
    """Each row is what solve says; the files may change or go while it runs."""
    path = tabled(tmp_path, spec=TABLED.replace("{k: 3}", "{k: 3, eff: 4, scale: 9}"))
    names = [
        "mill.first.eff",
        "mill.clean",
        "plant.scale",
        "twin.roller.scale",
        "supply.natgas.quantity",
        "k",
    ]
    axes = [f"{name}=0.5:1.5:2" for name in names]
    rows = [*chainprice.sweep(chainprice.load(path), vary=axes)]
    assert len(rows) == 2 ** len(names)
    for row in rows[:: len(rows) // 16]:
        there = chainprice.load(path, [f"{name}={value!r}" for name, value in row.at.items()])
        expected = chainprice.solve(there)
        assert row.error is None
        assert row.total_value == pytest.approx(expected.total_value, rel=1e-12)
        assert row.prices == pytest.approx(expected.prices, rel=1e-12)


def test_a_sweep_knows_where_a_name_stands_in_the_market(tmp_path):
    """Else its columns would be of numbers that never moved."""
    changes = ["twin.roller.scale=2"]
    market = chainprice.load(
        tabled(tmp_path, spec=TABLED.replace("{k: 3}", "{k: 3, eff: 4, scale: 9}")), changes
    )
    for name in ("mill.first.eff", "mill.clean", "plant.scale", "twin.roller.scale", "k"):
        section, *keys = keys_of(name, market)
        value = getattr(market, section)
        for key in keys:
            value = getattr(value, key) if key == "parameters" else value[key]
        assert value.text.replace(".", "").isdigit()
    assert keys_of("supply.natgas.price", market) == ("supply", "natgas", "price")
    assert keys_of("mill.nobody.k", market) is None


def test_a_spec_is_read_again_as_it_was_with_all_its_files(tmp_path):
    path = tabled(tmp_path)
    first = chainprice.load(path)
    for file in (tmp_path / "parts" / "works.yaml", tmp_path / "parts" / "works.csv", tmp_path / "units.csv"):
        file.unlink()
    again = chainprice.load(pickle.loads(pickle.dumps(first.source)), ["plant.scale=2"])
    assert again.sha256 == first.sha256
    assert again.firms == first.firms
    assert again.parameters != first.parameters
    with pytest.raises(SpecError, match=r"no file 'parts/works\.yaml'|no file 'units\.csv'"):
        chainprice.load(path)


def test_a_shock_reaches_inside(tmp_path):
    path = str(tabled(tmp_path))
    done = run(
        "simulate", path, "--shock", "mill.first.eff=1.2@3", "--shock", "plant.scale=2@4", "-f", "json"
    )
    assert (done.returncode, done.stderr) == (0, "")
    end = json.loads(done.stdout)["prices"]
    after = chainprice.solve(chainprice.load(path, ["mill.first.eff=1.2", "plant.scale=2"]))
    for good, price in after.prices.items():
        assert end[good] == pytest.approx(price, rel=1e-4)
    done = run("simulate", path, "--shock", "mill.frist.eff=1@3")
    assert (done.returncode, "did you mean 'first'?" in done.stderr) == (2, True)


@pytest.mark.parametrize("form", ["json", "csv"])
def test_what_is_seen_inside_is_diagnosed(tmp_path, form):
    path = tabled(tmp_path)
    seen = chainprice.solve(chainprice.load(path))
    table = seen.to_dict() if form == "json" else seen.prices
    target = tmp_path / f"seen.{form}"
    if form == "json":
        target.write_text(json.dumps(table), encoding="utf-8")
    else:
        uses = [
            f"{row.good},,{use.user},{use.quantity!r}\n"
            for row in seen.goods
            for use in row.uses
            if use.kind == "firm"
        ]
        prices = [f"{good},{price!r},,\n" for good, price in table.items()]
        target.write_text("good,price,firm,quantity\n" + "".join(prices + uses), encoding="utf-8")
    done = run("diagnose", str(path), "--observed", str(target), "-f", "json")
    assert done.stderr == "" or "error" not in done.stderr
    rows = {row["good"]: row for row in json.loads(done.stdout)["goods"]}
    assert rows["mill.semi"]["price"] == pytest.approx(seen.prices["mill.semi"])
    target.write_text("good,price\nmill.smei,3\n", encoding="utf-8")
    done = run("diagnose", str(path), "--observed", str(tmp_path / "wrong.csv"))
    assert done.returncode == 2


def test_a_plain_spec_has_no_chains():
    solution = chainprice.solve(chainprice.load(BY_HAND))
    assert solution.chains == ()
    assert "chains" not in solution.to_dict()


# Random markets, grouped into plants: the flat one is made first, and the grouping is not the flattening.


SHARES = [Decimal("0.2"), Decimal("0.3"), Decimal("0.4")]


@st.composite
def markets(draw, *, loops):
    """A flat market as a tree: firms with concave functions, one after the other, perhaps with a way back."""
    count = draw(st.integers(2, 6))
    goods = ["x0", "x1"]
    firms = {}
    parameters = {"k": draw(st.sampled_from(["1", "1.5", "3/2"]))}
    for number in range(count):
        inputs = draw(st.lists(st.sampled_from(goods), min_size=1, max_size=2, unique=True))
        factors = "*".join(f"{good}^{draw(st.sampled_from(SHARES))}" for good in inputs)
        form = draw(st.sampled_from(["{}", "k*{}", "ln(1 + {})", "own*{}"])).format(factors)
        firm = {"production": {f"g{number}": form}}
        if "own" in form:
            firm["parameters"] = {"own": draw(st.sampled_from(["0.7", "1.3"]))}
        firms[f"f{number}"] = firm
        goods.append(f"g{number}")
    if loops:
        last = draw(st.sampled_from(goods[2:]))
        first = firms["f0"]["production"]
        first["g0"] = f"({first['g0']})*(1 + {last})^0.1"
    tree = {"parameters": parameters, "firms": firms, "goods": {}, "supply": {}, "demand": {}}
    uses = uses_of(firms)
    for good in ("x0", "x1"):
        tree["supply"][good] = {"quantity": draw(st.sampled_from([1, 2, "5/2"]))}
    for good in goods[2:]:
        if good not in uses or good == goods[-1] or draw(st.integers(0, 3)) == 0:
            tree["demand"][good] = {"price": draw(st.sampled_from([1, 3, 10]))}
    for good in goods:
        users = [*uses.get(good, []), *(["demand"] if good in tree["demand"] else [])]
        if len(users) > 1 and draw(st.booleans()):
            tree["goods"][good] = {"rival": False}
        elif len(users) > 1 and not loops:
            tree["goods"][good] = {
                "split": {user: f"{i + 1}/{sum(range(len(users) + 1))}" for i, user in enumerate(users)}
            }
    tree["allocation"] = "competitive" if loops else "given"
    return tree


def words(formula):
    return set(formula.replace("(", " ").replace(")", " ").replace("*", " ").replace("^", " ").split())


def uses_of(firms):
    uses = {}
    for name, firm in firms.items():
        for formula in firm["production"].values():
            for word in sorted(words(formula)):
                if word[0] in "xg":
                    uses.setdefault(word, []).append(name)
    return uses


class Plants:
    """Groups the firms of a flat market into plants, inline or in files, with other names inside."""

    def __init__(self, draw, flat, folder):
        self.draw, self.flat, self.folder = draw, flat, folder
        self.uses = uses_of(flat["firms"])
        self.maker = {good: name for name, firm in flat["firms"].items() for good in firm["production"]}
        self.names = {}  # flat name -> name in the nested market
        self.files = 0

    def users(self, good):
        demanded = ["demand"] if good in self.flat["demand"] else []
        return [*self.uses.get(good, []), *demanded]

    def whole(self):
        tree = {**self.flat, "firms": self.group(list(self.flat["firms"]), "", 0)[0]}
        tree["goods"] = {
            good: self.note(good, self.members, "")
            for good in self.flat["goods"]
            if "." not in self.names.get(good, good)
        }
        return tree

    def group(self, firms, prefix, depth):
        """The firms of a chain by name, some of them together in plants; and who is where."""
        draw = self.draw
        size = draw(st.integers(1, len(firms))) if depth < 3 else 0
        start = draw(st.integers(0, len(firms) - size)) if size else 0
        inside = firms[start : start + size] if draw(st.integers(0, 4)) else []
        if depth and len(inside) == len(firms) and len(firms) == 1:
            inside = []
        tree, members = {}, {}
        for name in firms:
            if name not in inside:
                tree[name], members[name] = self.flat["firms"][name], [name]
                self.names[name] = f"{prefix}{name}"
        if inside:
            tree["plant"] = self.plant(inside, f"{prefix}plant.", depth)
            members["plant"] = inside
        if not depth:
            self.members = members
        self.last = members
        return tree, members

    def plant(self, inside, prefix, depth):
        made = {good for good, maker in self.maker.items() if maker in inside}
        read = {good for good, users in self.uses.items() if set(users) & set(inside)}
        inner = {good for good in made if self.users(good) and set(self.users(good)) <= set(inside)}
        for good in inner:
            self.names[good] = f"{prefix}{good}"
        tree, members = self.group(inside, prefix, depth + 1)
        notes = {}
        for good in sorted((made | read) & self.flat["goods"].keys()):
            if good not in inner or self.names[good] == f"{prefix}{good}":
                notes[good] = self.note(good, members, prefix)
        shared = sorted((made | read) - inner)
        if self.draw(st.booleans()):
            links = {good: good for good in shared if good in made and good in read}
            return {"firms": tree, "goods": notes, **({"links": links} if links else {})}
        self.files += 1
        file = {
            "parameters": self.flat["parameters"],
            "firms": tree,
            "goods": notes,
            "supply": {good: {"price": 7} for good in shared if good not in made},
            "demand": {good: {"price": "9 - q"} for good in shared if good in made},
        }
        (self.folder / f"plant{self.files}.yaml").write_text(json.dumps(file), encoding="utf-8")
        return {"chain": f"plant{self.files}.yaml"}

    def note(self, good, members, prefix):
        """The flat note, in a chain where firms are together: a plant's share is that of all in it."""
        note = self.flat["goods"][good]
        if "split" not in note:
            return note
        shares = {}
        for name, together in members.items():
            parts = [note["split"][firm] for firm in together if firm in note["split"]]
            if parts:
                shares[name] = "+".join(parts)
        if prefix:
            total = "+".join(shares.values())
            return {"split": {name: f"({share})/({total})" for name, share in shares.items()}}
        if "demand" in note["split"]:
            shares["demand"] = note["split"]["demand"]
        return {"split": shares}


def check_grouped(draw, flat, folder):
    plants = Plants(draw, flat, folder)
    nested = chainprice.load(written(folder, outer=plants.whole()))
    goods = [*flat["supply"], *plants.maker]
    try:
        by_hand = chainprice.solve(chainprice.load(json.dumps(flat)), count=DIGITS)
    except chainprice.errors.NoAnswerError:
        return
    depth = max((name.count(".") for name in nested.chains), default=-1) + 1
    is_split = any(note.split and any("." in user for user in note.split) for note in nested.goods.values())
    event(
        f"{depth} chains deep, {'with' if nested.files else 'no'} files, {'split' if is_split else 'no split'}"
    )
    solution = chainprice.solve(nested, count=DIGITS)
    assert sorted(solution.prices) == sorted(plants.names.get(good, good) for good in goods)
    assert sorted(nested.firms) == sorted(plants.names[firm] for firm in flat["firms"])
    for good in goods:
        inner = plants.names.get(good, good)
        for mine, theirs in ((solution.prices, by_hand.prices), (solution.quantities, by_hand.quantities)):
            a, b = Decimal(mine[inner]), Decimal(theirs[good])
            assert abs(a - b) <= abs(b).scaleb(3 - DIGITS), (good, a, b)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), markets(loops=False))
def test_grouping_firms_into_plants_changes_no_price(tmp_path, data, flat):
    check_grouped(data.draw, flat, tmp_path)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), markets(loops=True))
def test_nor_does_it_where_the_market_chooses_and_goods_come_back(tmp_path, data, flat):
    check_grouped(data.draw, flat, tmp_path)


def under_each_other(depth):
    lines = ["firms:"]
    for level in range(depth):
        indent = "  " * (2 * level + 1)
        lines += [f"{indent}p{level}:", f"{indent}  firms:"]
    lines.append("  " * (2 * depth + 1) + "last: {production: {y: 'x^0.5'}}")
    return "\n".join([*lines, "supply: {x: {quantity: 4}}", "demand: {y: {price: 1}}", ""])


def test_fifty_chains_may_stand_under_each_other():
    deepest = spec_of(under_each_other(50))
    assert chainprice.solve(deepest).prices == {"x": 0.25, "y": 1.0}
    assert len(deepest.chains) == 50


@pytest.mark.parametrize(
    ("depth", "said"), [(51, "more than 50 chains inside each other"), (80, "nested too deeply")]
)
def test_what_is_deeper_has_one_fault_and_a_way_out(depth, said):
    with pytest.raises(SpecError) as caught:
        spec_of(under_each_other(depth))
    (problem,) = caught.value.problems
    assert problem.message == said
    assert problem.place.line
