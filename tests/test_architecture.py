"""Data flows one way: lower rooms never import higher ones."""

import ast
import subprocess
import sys

import pytest
from support import ROOT

import chainprice
from chainprice.cli import commands

SOURCE = ROOT / "src" / "chainprice"

FLOORS = [
    {"errors", "keys", "limits", "progress", "version"},
    {"cache"},
    {"formula"},
    {"elementary", "trigonometry"},
    {"arithmetic"},
    {"programs", "spec"},
    {"network"},
    {"curvature", "figures", "joining", "opening", "terms"},
    {"notation"},
    {"templates"},
    {"algebra", "bound", "kept", "longhand"},
    {"gradients"},
    {"allocation", "antiderivatives", "differentiation", "undefined"},
    {"degrees", "technology"},
    {"duals", "quantities"},
    {"prices", "value"},
    {"accounts", "concavity", "consolidation", "kinks", "rounding", "rules", "equilibrium"},
    {"solution"},
    {"cautions"},
    {"pricing"},
    {"tabulation"},
    {"solver"},
    {"verification", "diagram", "explanation", "inspection"},
    {"observation"},
    {"diagnosis", "dynamics", "gate", "statics"},
    {"publication"},
    {"examination", "gathering", "workers"},
    {"batch", "sweeping"},
    {"report", "schemas"},
    {"completion", "output", "starter"},
    {"recording"},
    {"options"},
    {"cli"},
    {"__init__", "__main__"},
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def imports():
    """(importing room, imported room, file) for every import in the source, wherever it stands."""
    for path in sorted(SOURCE.rglob("*.py")):
        room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("chainprice"):
                parts = node.module.split(".")
                names = [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
                for name in names:
                    yield room, name, path.name


def test_every_module_has_its_floor():
    rooms = {path.relative_to(SOURCE).parts[0].removesuffix(".py") for path in SOURCE.rglob("*.py")}
    assert rooms == set(FLOOR)


@pytest.mark.parametrize(("room", "imported", "file"), sorted(set(imports())))
def test_lower_rooms_never_import_higher_ones(room, imported, file):
    assert room == imported or FLOOR[imported] < FLOOR[room], file


def test_verification_is_independent_of_what_it_verifies():
    allowed = {"errors", "keys", "limits", "progress", "formula", "spec", "verification"}
    assert {imported for room, imported, _ in imports() if room == "verification"} <= allowed


def loaded_by(code):
    script = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_costs_next_to_nothing():
    assert loaded_by("import chainprice").isdisjoint({"sympy", "mpmath", "yaml", "rich", "typer"})


def test_the_command_line_starts_without_the_heavy_parts():
    loaded = loaded_by("import chainprice.cli")
    assert loaded.isdisjoint({"sympy", "mpmath", "yaml", "rich.table", "numpy"})


def test_reading_a_spec_needs_no_algebra():
    code = f"import chainprice; chainprice.load('{ROOT / 'specs' / 'steel.yaml'}')"
    assert loaded_by(code).isdisjoint({"sympy", "mpmath", "numpy"})


def test_a_small_chain_needs_nothing_but_its_own_modules_and_yaml():
    arguments = ["solve", str(ROOT / "specs" / "tupperware.yaml"), "-f", "json"]
    loaded = loaded_by(f"from chainprice.__main__ import main; main({arguments})")
    assert "chainprice.solver" in loaded
    assert loaded.isdisjoint({"sympy", "mpmath", "numpy", "casadi", "rich", "random", "tempfile"})
    assert loaded.isdisjoint({"csv", "chainprice.spec.firmtable", "chainprice.spec.forms"})


def test_chains_inside_firms_cost_specs_without_them_nothing():
    rooms = {
        f"chainprice.spec.{name}"
        for name in ("chains", "library", "nesting", "flattening", "scopes", "innerplaces", "sharednotes")
    }
    load = "import chainprice; chainprice.solve(chainprice.load('{}'))"
    plain = loaded_by(load.format(ROOT / "specs" / "steel.yaml"))
    assert plain.isdisjoint({*rooms, "chainprice.formula.renaming", "chainprice.consolidation"})
    nested = loaded_by(f"import chainprice; chainprice.load('{ROOT / 'specs' / 'car_panels.yaml'}')")
    assert rooms <= nested
    assert nested.isdisjoint({"sympy", "mpmath", "numpy"})


def test_balls_are_loaded_only_where_certified_prices_are_asked_for():
    arguments = ["verify", str(ROOT / "specs" / "tupperware.yaml"), "-f", "json"]
    code = "from chainprice.__main__ import main; main({})"
    balls = "chainprice.verification.certification.balls"  # sympy loads flint by itself where it is there
    assert balls not in loaded_by(code.format(arguments))
    assert balls in loaded_by(code.format([*arguments, "--certify"]))


def test_a_spec_in_json_needs_no_yaml():
    text = '{"firms": {"f": {"production": {"y": "sqrt(x)"}}}, "supply": {"x": {"quantity": 4}}, "demand": {"y": {"price": 1}}}'
    loaded = loaded_by(f"import chainprice; chainprice.solve(chainprice.load({text!r})).to_dict()")
    assert "chainprice.solver" in loaded
    assert "yaml" not in loaded


def test_nothing_runs_text_as_python():
    for path in SOURCE.rglob("*.py"):
        called = {
            node.func.id
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        allowed = {"exec"} if path.name == "programs.py" else set()  # see test_programs.py
        runners = {"eval", "exec", "compile", "sympify", "parse_expr", "__import__"}
        assert called.isdisjoint(runners - allowed), path


def test_public_names_are_never_shadowed_by_modules():
    rooms = {path.name.removesuffix(".py") for path in SOURCE.iterdir()}
    assert rooms.isdisjoint(set(chainprice.__all__))
    assert all(callable(getattr(chainprice, name)) for name in chainprice.__all__ if name != "__version__")


def test_one_spec_is_verified_without_a_thought_of_other_processes():
    arguments = ["verify", str(ROOT / "specs" / "tupperware.yaml"), "-f", "json"]
    loaded = loaded_by(f"from chainprice.__main__ import main; main({arguments})")
    assert "chainprice.batch" in loaded
    assert loaded.isdisjoint({"multiprocessing", "chainprice.workers", "xml", "casadi", "numpy"})


def test_workers_are_forked_before_any_numeric_library_is_loaded():
    loaded = loaded_by("import chainprice.batch, chainprice.recording, chainprice.workers")
    assert loaded.isdisjoint({"numpy", "casadi", "sympy"})


def test_a_command_imports_its_own_module_only():
    loaded = loaded_by("from chainprice.cli import run; run(['schema'])")
    assert "chainprice.cli.files" in loaded
    assert loaded.isdisjoint({"chainprice.cli.solving", "chainprice.cli.moving"})
    assert "chainprice.cli.files" not in loaded_by("from chainprice.cli import run; run(['--version'])")


def test_every_command_stands_in_the_module_that_is_imported_for_it():
    folder = SOURCE / "cli"
    written = {
        (node.name, path.stem)
        for path in folder.glob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and "app.command" in map(ast.unparse, map(_called, node.decorator_list))
    }
    assert written == set(commands.MODULES.items())


def _called(decorator):
    return decorator.func if isinstance(decorator, ast.Call) else decorator
