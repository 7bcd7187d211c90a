"""Hostile specs: nothing in them runs, and nothing in them takes long (5 seconds, 500 MB)."""

import json
import resource
import subprocess
import sys
from itertools import pairwise

import pytest
from support import ENVIRONMENT

from chainprice import limits
from chainprice.arithmetic import digits, evaluate
from chainprice.bound import Bound
from chainprice.differentiation import template
from chainprice.formula import read
from chainprice.gradients import gradient

SECONDS, BYTES = 5, 500_000_000


def text(formula="sqrt(a)", *, quantity="4", goods=("a",), parameters=None, firm="one"):
    """A spec of one firm, as JSON, which is YAML too."""
    return json.dumps(
        {
            "parameters": parameters or {},
            "firms": {firm: {"production": {"b": formula}}},
            "supply": {good: {"quantity": quantity} for good in goods},
            "demand": {"b": {"price": 1}},
        },
        ensure_ascii=False,
    )


def bounded(folder, *arguments, name="bomb.json", content=None, seconds=SECONDS):
    """Run the command in a process of its own, which may not take longer or more memory than is promised."""
    if content is not None:
        (folder / name).write_text(content, encoding="utf-8")
    code = (
        "import re, sys\n"
        "from chainprice.__main__ import main\n"
        "code = main(sys.argv[1:])\n"
        # Not ru_maxrss: that has what the process weighed from which this one was forked.
        "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1], file=sys.stderr)\n"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**ENVIRONMENT, "CHAINPRICE_CACHE": "off"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds)),
        check=False,
    )
    *lines, peak = done.stderr.splitlines() or ["", "0"]
    assert int(peak) * 1024 < BYTES
    message = "\n".join(lines)
    assert "Traceback" not in message
    assert "internal error" not in message
    assert len(message) < 20_000
    return done.returncode, message


OPERATIONS = f"more than {limits.FORMULA_OPERATIONS:,} operations"
DERIVATIVES = f"the limit is {limits.DERIVATIVE_LENGTH:,}"
BEYOND = f"beyond 1e±{limits.NUMBER_EXPONENT}"
DIGITS = f"more than {limits.NUMBER_DIGITS:,} digits"
NAME = f"longer than {limits.NAME_LENGTH} characters"
NESTED = f"nested more than {limits.FORMULA_NESTING} deep"

FORMULAS = {
    "a power tower": ("9**9**9**9*a", BEYOND),
    "a large power": ("2**(10**10)*a", f"the constant 2**(10**10) is {BEYOND}"),
    "powers of powers": ("a*(((9^64)^64)^64)^64", BEYOND),
    "exponentials": ("exp(exp(exp(99)))*a", f"the constant exp(exp(99)) is {BEYOND}"),
    "an angle": ("a*sin(9^9^9)", f"the constant 9^9^9 is {BEYOND}"),
    "a long product of numbers": ("a*(1" + "*1000" * 2_000 + ")", BEYOND),
    "a sum of a megabyte": ("a" + "+a" * 499_000, OPERATIONS),
    "a product of a megabyte": ("a" + "*a" * 499_000, OPERATIONS),
    "two megabytes": ("a" + "+a" * 999_000, f"longer than {limits.FORMULA_LENGTH:,} characters"),
    "terms": ("+".join(f"{i}*a^0.{i}" for i in range(1, 20_000)), OPERATIONS),
    "signs": ("-" * 100_000 + "a", OPERATIONS),
    "factors": ("*".join(f"(a+{i})" for i in range(1, 4_000)), DERIVATIVES),
    "divisors": ("/".join(f"(a+{i})" for i in range(1, 4_000)), DERIVATIVES),
    "many names": ("*".join(f"a{i}" for i in range(4_000)), DERIVATIVES),
    "a million names": ("+".join(f"a{i}" for i in range(100_000)), OPERATIONS),
    "digits": ("1" * 900_000 + "*a", BEYOND),
    "decimals": ("0." + "1" * 900_000 + "*a", DIGITS),
    "a long name": ("a" * 900_000, NAME),
    "parentheses": ("(" * 1_000 + "a" + ")" * 1_000, NESTED),
    "functions": ("exp(" * 1_000 + "a" + ")" * 1_000, NESTED),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_bomb_in_a_formula_is_refused_with_its_limit_and_its_place(name, tmp_path):
    formula, limit = FORMULAS[name]
    code, message = bounded(tmp_path, "solve", "bomb.json", content=text(formula))
    assert code == 2
    assert limit in message
    assert "bomb.json:1:" in message


@pytest.mark.parametrize("command", ["verify", "check", "explain"])
def test_every_command_refuses_all_at_once(command, tmp_path):
    firms = "".join(
        f"  f{i}: {{production: {{b{i}: '{f}'}}}}\n" for i, (f, _) in enumerate(FORMULAS.values())
    )
    content = f"firms:\n{firms}supply: {{a: {{quantity: 1}}}}\ndemand: {{b0: {{price: 1}}}}\n"
    code, message = bounded(tmp_path, command, "bomb.yaml", name="bomb.yaml", content=content)
    assert code == 2
    for line, (_, limit) in enumerate(FORMULAS.values(), start=2):
        assert limit in message
        assert f"bomb.yaml:{line}:" in message


NUMBERS = (
    "2**(10**10)",
    "exp(1e9)",
    "9^9^9",
    "1e-9^(9^9)",
    "(((9^64)^64)^64)^64",
    "e^(10^3)^9",
    "1" + "*1000" * 2_000,
)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_that_is_too_large_is_refused_wherever_it_stands(number, tmp_path):
    for content in (text(quantity=number), text("sqrt(k*a)", parameters={"k": number})):
        code, message = bounded(tmp_path, "solve", "bomb.json", content=content)
        assert code == 2
        assert BEYOND in message
        assert "bomb.json:1:" in message
    code, message = bounded(
        tmp_path, "solve", "s.json", "--set", f"supply.a.quantity={number}", name="s.json", content=text()
    )
    assert code == 2
    assert BEYOND in message
    assert "--set" in message


WIDE = [f"x{i}" for i in range(1_000)]
LEGITIMATE = {
    "linear": "+".join(f"2*{name}" for name in WIDE),
    "Cobb-Douglas": "*".join(f"{name}^0.001" for name in WIDE),
    "CES": f"({'+'.join(f'{name}^0.5' for name in WIDE)})^2",
    "Leontief": f"min({','.join(f'{name}/{i + 1}' for i, name in enumerate(WIDE))})",
}


@pytest.mark.parametrize("name", LEGITIMATE)
def test_a_firm_with_a_thousand_inputs_is_quick(name, tmp_path):
    content = text(LEGITIMATE[name], goods=WIDE)
    command = ("solve", "w.json", "-f", "json")  # 2 to 4 s on a quiet machine: this is no bomb
    code, message = bounded(tmp_path, *command, name="w.json", content=content, seconds=20)
    assert code == 0, message


LONG = (
    "x/y/z*3 - x*y^2", "x^y + 2^x - 3^-y", "(x + 2*y)^0.3*z^(1/3)/exp(x*z)", "log(x, y) + erf(z)*tan(x)",
    "sqrt(x) + tanh(x) - atan(z) + asin(x/9)*acos(y/9)", "1/(1/x + 1/y)", "(-x)^2*z - (y - z)*-2",
    "sinh(x)*cosh(y) - sin(z)/cos(x)", "x*x*x*y/z/z", "log(x)*ln(y) - x - (y - (z - x))",
)  # fmt: skip


@pytest.mark.parametrize("formula", LONG)
def test_joined_derivatives_are_those_of_sympy_and_are_written_as_they_are_computed(formula, monkeypatch):
    read_formula = read(formula)
    names, shape, numbers = read_formula.names, read_formula.shape, read_formula.numbers
    with digits(40):
        point = {name: evaluate(read({"x": "1.3", "y": "2.7", "z": "0.6"}[name])) for name in names}
        gradient.cache_clear()
        _, by_sympy = gradient(shape).run([*point.values()], numbers)
        monkeypatch.setattr(limits, "SYMPY_STEPS", 0)
        gradient.cache_clear()
        _, joined = gradient(shape).run([*point.values()], numbers)
        gradient.cache_clear()
        bound = Bound(shape, numbers)
        for slot, name in enumerate(names):
            written = evaluate(read(template(bound, slot).filled(names)), point)
            assert abs(joined[slot] - by_sympy[slot]) < 1e-33, name
            assert abs(written - joined[slot]) < 1e-33, name


SENTINEL = "pwned"
RUN = f"open('{SENTINEL}', 'w')"
ATTACKS = (
    RUN, f"__import__('os').system('touch {SENTINEL}')", f"eval(\"{RUN}\")", f"exec(\"{RUN}\")", "a.__class__",
    "a.__init__.__globals__", "(1).__class__.__mro__", "a[0]", "[a for a in (1, 2)]", "{a: 1}", "{a}",
    "f'{a}'", f"f\"{{{RUN}}}\"", "(a := 3)", "lambda: a", "(lambda: a)()", "a if a else 1", "a and 1", "not a",
    "a; import os", "a # x", "print(a)", "Symbol('x')", "Integer(3)*a", "__builtins__", "__class__ + a",
    "a == 1", "1_000*a", "0x10*a", "1j*a", "a @ a", "a // 2", "a % 2", "a << 2", "~a", "'a'", "*a", "**a", "a!",
    "a\N{ZERO WIDTH JOINER} + a", "a\N{RIGHT-TO-LEFT OVERRIDE}+1", "\N{FULLWIDTH LATIN SMALL LETTER S}qrt(a)",
    f"!!python/object/apply:os.system ['touch {SENTINEL}']", f"${{touch {SENTINEL}}}", f"$(touch {SENTINEL})",
    f"`touch {SENTINEL}`", f"{{{{ {RUN} }}}}", f"%s{RUN}", "\x00", "../../etc/passwd",
)  # fmt: skip
"""None of them is a formula, and none is a name."""


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_runs_from_formulas_names_keys_settings_and_tables(attack, tmp_path, monkeypatch):
    """In one process, for all places: what would run would leave a file."""
    from chainprice.__main__ import main

    monkeypatch.chdir(tmp_path)
    sound = json.loads(text())
    named = text(firm=attack)
    keyed = json.dumps({**sound, attack: 1})
    table = {"format": "chainprice.solve/1", "goods": [{"good": attack, "price": attack, "quantity": attack}]}
    (tmp_path / "sound.json").write_text(text(), encoding="utf-8")
    for name, content in {
        "formula": text(attack),
        "quantity": text(quantity=attack),
        "name": named,
        "key": keyed,
    }.items():
        (tmp_path / f"{name}.json").write_text(content, encoding="utf-8")
        allowed = (0,) if name == "name" and attack.isidentifier() else (2,)
        assert main(["solve", f"{name}.json"]) in allowed, name
    assert main(["solve", "sound.json", "--set", f"supply.a.quantity={attack}"]) == 2
    (tmp_path / "table.json").write_text(json.dumps(table), encoding="utf-8")
    (tmp_path / "table.csv").write_text(f'good,price\n"{attack}","{attack}"\n', encoding="utf-8")
    for name in ("table.json", "table.csv"):
        assert main(["verify", "sound.json", "--table", name]) in (1, 2)
    assert not (tmp_path / SENTINEL).exists()


@pytest.mark.parametrize(
    "yaml",
    [
        f"firms: !!python/object/apply:os.system ['touch {SENTINEL}']\n",
        f"!!python/object/new:os.system ['touch {SENTINEL}']\n",
        "!!python/name:os.system\n",
        "firms: !!python/module:os\n",
        f"firms: {{one: {{production: {{b: !!python/object/apply:os.system ['touch {SENTINEL}']}}}}}}\n",
        "firms: !local {a: 1}\n",
    ],
)
def test_a_tag_is_refused(yaml, tmp_path):
    code, message = bounded(tmp_path, "solve", "tag.yaml", name="tag.yaml", content=yaml)
    assert code == 2
    assert "the tag '" in message
    assert not (tmp_path / SENTINEL).exists()


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        (
            "\N{CYRILLIC SMALL LETTER A}",
            "did you mean 'a'? the '\N{CYRILLIC SMALL LETTER A}' here is CYRILLIC SMALL LETTER A",
        ),
        ("\N{GREEK SMALL LETTER ALPHA}", "GREEK SMALL LETTER ALPHA"),
        ("\N{MATHEMATICAL BOLD SMALL A}", "MATHEMATICAL BOLD SMALL A"),
        ("\N{FULLWIDTH LATIN SMALL LETTER A}", "FULLWIDTH LATIN SMALL LETTER A"),
    ],
)
def test_a_letter_that_looks_like_another_is_named(word, hint, tmp_path):
    code, message = bounded(tmp_path, "solve", "bomb.json", content=text(f"sqrt({word})"))
    assert code == 2
    assert hint in message


NINE = "abcdefghi"
DOCUMENTS = {
    "aliases": (
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in pairwise(NINE))
        + "firms: *i\n",
        "unknown key",
    ),
    "itself": ("firms: &a\n  b: {production: *a}\n", "this contains itself"),
    "brackets": ("[" * 100_000, "nested too deeply"),
    "mappings": ("{a: " * 100_000, "nested too deeply"),
    "indentation": ("".join(f"{' ' * i}a:\n" for i in range(3_000)), "nest"),
    "dashes": ("- " * 20_000 + "a\n", "nest"),
    "questions": ("? " * 20_000 + "a\n", "nest"),
    "JSON": ('{"a":' * 100_000, "nested too deeply"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_that_grows_is_refused_with_its_place(name, tmp_path):
    content, reason = DOCUMENTS[name]
    code, message = bounded(tmp_path, "solve", "bomb.yaml", name="bomb.yaml", content=content)
    assert code == 2
    assert reason in message
    assert "bomb.yaml:" in message


def test_what_is_undefined_has_its_place_too(tmp_path):
    for formula in ("sqrt(-1)*a", "sqrt(-1)^2*a"):
        code, message = bounded(tmp_path, "solve", "bomb.json", content=text(formula))
        assert code == 3
        assert "bomb.json:1:" in message


def doubled(folder, count, last):
    """Files that name the next one twice each."""
    for number in range(count):
        end = f"{{chain: f{number + 1}.yaml}}" if number < count - 1 else last
        trades = "supply: {x: {quantity: 1}}\ndemand: {y: {price: 1}}\n" if not number else ""
        (folder / f"f{number}.yaml").write_text(f"firms:\n  a: {end}\n  b: {end}\n{trades}", encoding="utf-8")


@pytest.mark.parametrize("command", ["check", "solve", "verify", "explain"])
def test_a_file_that_is_nested_without_end_does_not_explode(command, tmp_path):
    doubled(tmp_path, 45, "{production: {y: x}}")
    code, message = bounded(tmp_path, command, "f0.yaml")
    assert code == 2
    assert f"the limit is {limits.NESTED_PARTS:,}" in message
    assert "f0.yaml:2:3" in message


def test_long_formulas_in_nested_files_are_counted(tmp_path):
    doubled(tmp_path, 12, "{production: {y: " + "x" + "+1" * 5_000 + "}}")
    code, message = bounded(tmp_path, "check", "f0.yaml")
    assert (code, f"the limit is {limits.NESTED_LENGTH:,}" in message) == (2, True)


def test_files_inside_each_other_go_only_so_deep(tmp_path):
    for number in range(200):
        (tmp_path / f"d{number}.yaml").write_text(
            f"firms: {{a: {{chain: d{number + 1}.yaml}}}}\n", encoding="utf-8"
        )
    code, message = bounded(tmp_path, "check", "d0.yaml")
    assert (code, f"more than {limits.NESTING_DEPTH} chains inside each other" in message) == (2, True)


def test_aliases_of_firms_with_firms_inside_do_not_explode(tmp_path):
    firms = "firms:\n  a0: &a0\n    firms: {p: {production: {y: x}}, q: {production: {y: x}}}\n"
    firms += "".join(f"  a{i}: &a{i}\n    firms: {{p: *a{i - 1}, q: *a{i - 1}}}\n" for i in range(1, 60))
    content = f"{firms}supply: {{x: {{quantity: 1}}}}\ndemand: {{y: {{price: 1}}}}\n"
    code, message = bounded(tmp_path, "check", "bomb.yaml", name="bomb.yaml", content=content)
    assert (code, f"more than {limits.NESTED_PARTS:,} firms inside firms" in message) == (2, True)


FAR_POWERS = {
    "whole": ("(4*a)^123456789012345678901234567890", "0.25"),
    "with a half": ("(4*a)^1234567890123.5", "0.25"),
    "of irrational numbers": ("(sqrt(2)*a*sqrt(2))^12345678901", "0.5"),
    "of a far number": ("(1e20*a)^-5000", "1e-20"),
    "a far root": ("(a/4)^(1/1234567890123456789)", "4"),
    "worked out": ("a^(123456789^3)", "1"),
    "twice": ("((4*a)^12345)^(54321*exp(0))", "0.25"),
    "inside": ("sqrt((3*a)^98765432109876543210 + 8)", "1/3"),
}
"""Powers that are 1 or near it, with constants of endless digits if they are taken apart."""


@pytest.mark.parametrize("name", FAR_POWERS)
@pytest.mark.parametrize("command", ["solve", "verify", "explain"])
def test_powers_with_far_exponents_are_not_worked_out_digit_by_digit(command, name, tmp_path):
    formula, quantity = FAR_POWERS[name]
    code, message = bounded(tmp_path, command, "bomb.json", content=text(formula, quantity=quantity))
    assert code == 0, message


FAR_CURVES = [
    "(4*q)^12345678",
    "(4*q + 1)^12345678",
    "1/(1 + (q/3)^123456789)",
    "(4*q + 1)^900",
    "(5*q)^9000",
]


@pytest.mark.parametrize("price", FAR_CURVES)
@pytest.mark.parametrize("command", ["solve", "verify"])
def test_price_curves_with_far_exponents_are_integrated_as_they_are(command, price, tmp_path):
    spec = json.loads(text("a", quantity="0.2"))
    spec["demand"]["b"]["price"] = price
    code, message = bounded(tmp_path, command, "bomb.json", content=json.dumps(spec))
    assert code == 0, message
