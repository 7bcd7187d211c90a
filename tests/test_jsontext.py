"""The text of a result is its `to_dict` as JSON, whatever its rows hold."""

import json
from decimal import Decimal

import pytest
from support import SPECS, chain, spec

import chainprice
from chainprice.report.jsontext import json_text
from chainprice.solution import Output, PricedGood

TEXTS = {
    **{path.stem: path for path in SPECS if path.stem != "refinery"},
    "doubles, then decimals": chain("sqrt(x)", 1100),
    "more rows than are written together": chain("0.9999*x + 0.0001*sqrt(x)", 2100),
    "a kink, names of another alphabet": (
        "title: '\"μ\" \\\\ 1'\nfirms: {ф: {production: {ρ: 'min(λ, 4)', γ: 2*λ}}, g: {production: {z: 2*ρ}}}\n"
        "supply: {λ: {quantity: 4}}\ndemand: {z: {price: 1}, γ: {price: 2}}"
    ),
    "a split, a good of no use, no output": (
        "goods: {x: {split: {f: 0.25, g: 0.75}, unit: 'a \"b\"'}}\n"
        "firms: {f: {production: {y: 2*x, w: x^2}}, g: {production: {z: x - 3}}}\n"
        "supply: {x: {quantity: 4}, v: {quantity: 1}}\ndemand: {y: {price: 1}, z: {price: 2}}"
    ),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("count", [17, 30])
def test_the_text_is_the_dictionary(text, count):
    solution = chainprice.solve(spec(text), count=count)
    written = json_text(solution.contents())
    assert json.loads(written) == solution.to_dict()
    assert list(json.loads(written)) == list(solution.to_dict())
    assert written == json_text(solution.to_dict())


def test_rows_are_objects_with_their_fields_in_order():
    row = PricedGood("x", "primary", "t", 4.0, Decimal("1e-400"), 0.0, "P_x = 0", ())
    assert list(row.to_dict().items()) == [
        ("good", "x"),
        ("role", "primary"),
        ("unit", "t"),
        ("quantity", 4.0),
        ("price", "1e-400"),
        ("value", 0.0),
        ("rule", "P_x = 0"),
        ("uses", []),
    ]
    with_range = row._replace(price_range=(0.0, None))
    assert with_range.to_dict() == {**row.to_dict(), "price_range": [0.0, None]}
    assert json.loads(json_text({"goods": (row, with_range)})) == {
        "goods": [row.to_dict(), with_range.to_dict()]
    }


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_no_number_is_written_that_json_lacks(number):
    with pytest.raises(ValueError, match="JSON"):
        json_text({"outputs": (Output("x", 1.0, number),)})
