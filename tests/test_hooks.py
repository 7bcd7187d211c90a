"""The pre-commit hooks and the GitHub action, run as pre-commit and GitHub run them."""

import os
import shlex
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml
from support import ENVIRONMENT, ROOT

from chainprice.options import VerifyFormat

MANIFEST = ROOT / ".pre-commit-hooks.yaml"
HOOKS = {hook["id"]: hook for hook in yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))}
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))

GOOD = (ROOT / "specs/tupperware.yaml").read_text(encoding="utf-8")
AS_JSON = '{"firms": {"f": {"production": {"y": "2*x"}}}, "supply": {"x": {"quantity": 1}}, "demand": {"y": {"price": 1}}}'
BAD = GOOD.replace("sqrt(natgas)", "sqrt(natgs)")


def git(folder, *arguments):
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    """A repository with two sound specs, and files that are none."""
    folder = tmp_path / "repository"
    (folder / "specs").mkdir(parents=True)
    (folder / "specs/gas.yaml").write_text(GOOD, encoding="utf-8")
    (folder / "specs/double.json").write_text(AS_JSON, encoding="utf-8")
    (folder / "specs/notes.txt").write_text("no spec", encoding="utf-8")
    (folder / "other.yaml").write_text("no: spec\n", encoding="utf-8")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    return folder


def pre_commit(folder, *arguments, **environment):
    own = {"PRE_COMMIT_HOME": str(folder.parent / "home"), "PRE_COMMIT_COLOR": "never"}
    return subprocess.run(
        [sys.executable, "-m", "pre_commit", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**ENVIRONMENT, **own, **environment},
        check=False,
    )


def configure(folder, repo, **keys):
    hooks = [{**hook, "files": "^specs/", "verbose": True, **keys} for hook in HOOKS.values()]
    configuration = {"repos": [{"repo": repo, "hooks": hooks}]}
    (folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    git(folder, "add", "-A")


def as_system_hooks(folder):
    """The hooks with this environment's chainprice in place of one of their own."""
    command = folder.parent / "chainprice"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m chainprice "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    configure(folder, "local", language="system", additional_dependencies=[])
    return {"PATH": f"{folder.parent}{os.pathsep}{ENVIRONMENT['PATH']}"}


def test_pre_commit_accepts_the_hooks():
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "validate-manifest", str(MANIFEST)], check=False, env=ENVIRONMENT
    )
    assert done.returncode == 0
    assert set(HOOKS) == {"chainprice-verify", "chainprice-check"}


def test_the_hook_brings_what_the_extra_for_markets_brings():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    assert HOOKS["chainprice-verify"]["additional_dependencies"] == extras["equilibrium"]


def test_sound_specs_are_committed(repository):
    environment = as_system_hooks(repository)
    done = pre_commit(repository, "run", "--all-files", **environment)
    assert done.returncode == 0, done.stdout
    assert "2 of 2 verified" in done.stdout
    assert "specs/double.json: sound" in done.stdout
    assert "notes.txt" not in done.stdout
    assert "other.yaml" not in done.stdout


def test_a_wrong_spec_is_not(repository):
    (repository / "specs/gas.yaml").write_text(BAD, encoding="utf-8")
    environment = as_system_hooks(repository)
    done = pre_commit(repository, "run", **environment)
    assert done.returncode == 1
    assert done.stdout.count("exit code: 2") == 2
    assert "did you mean 'natgas'?" in done.stdout


def test_without_specs_there_is_nothing_to_do(repository):
    environment = as_system_hooks(repository)
    done = pre_commit(repository, "run", "--files", "other.yaml", "specs/notes.txt", **environment)
    assert done.returncode == 0
    assert done.stdout.count("Skipped") == 2


@pytest.mark.registry
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="pre-commit installs from a git repository")
def test_pre_commit_installs_the_hooks(repository):
    """As users have it: pre-commit makes an environment for each and installs this repository into it."""
    (repository / "specs/bad.yaml").write_text(BAD, encoding="utf-8")
    files = ["specs/gas.yaml", "specs/double.json", "specs/bad.yaml"]
    done = pre_commit(repository, "try-repo", str(ROOT), "--verbose", "--files", *files, PYTHONPATH="")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.count("exit code: 2") == len(HOOKS)
    assert "2 of 3 verified" in done.stdout
    assert "specs/double.json: sound" in done.stdout
    assert "specs/bad.yaml: 1 error" in done.stdout


# The action.


def steps():
    return {step["name"]: step for step in ACTION["runs"]["steps"] if "run" in step}


def run_step(name, folder, *commands, **inputs):
    """Run a step as GitHub does, with stand-ins for some commands that note what they were told."""
    known = {
        **{f"inputs.{key}": value.get("default", "") for key, value in ACTION["inputs"].items()},
        **{f"inputs.{key}": value for key, value in inputs.items()},
        "github.action_path": str(ROOT),
    }
    step = steps()[name]
    variables = {key: expand(value, known) for key, value in step.get("env", {}).items()}
    binaries = folder / "bin"
    binaries.mkdir(exist_ok=True)
    for command in commands:
        (binaries / command).write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$NOTED"\n', encoding="utf-8")
        (binaries / command).chmod(0o755)
    script = folder / "script.sh"
    script.write_text(step["run"], encoding="utf-8")
    assert step["shell"] == "bash"
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={
            **ENVIRONMENT,
            **variables,
            "PATH": f"{binaries}{os.pathsep}{ENVIRONMENT['PATH']}",
            "NOTED": str(folder / "noted"),
        },
        check=False,
    )
    noted = folder / "noted"
    return done, noted.read_text(encoding="utf-8").splitlines() if noted.exists() else []


def expand(value, known):
    for name, text in known.items():
        value = value.replace(f"${{{{ {name} }}}}", text)
    assert "${{" not in value
    return value


def test_the_action_is_one_that_github_can_read():
    assert set(ACTION) == {"name", "description", "inputs", "runs"}
    assert set(ACTION["inputs"]) == {"specs", "args", "version"}
    assert all(value["description"] for value in ACTION["inputs"].values())
    assert ACTION["runs"]["using"] == "composite"
    for step in ACTION["runs"]["steps"]:
        assert ("uses" in step) != ("run" in step)


def test_no_input_becomes_a_part_of_a_script():
    assert not any("${{" in step["run"] for step in steps().values())


def test_the_action_installs_itself_or_a_release(tmp_path):
    done, told = run_step("Install chainprice", tmp_path, "python")
    assert (done.returncode, told) == (0, ["-m", "pip", "install", "--quiet", f"{ROOT}[equilibrium]"])
    done, told = run_step("Install chainprice", tmp_path, "python", version="0.1.0")
    assert (done.returncode, told[-1]) == (0, "chainprice[equilibrium]==0.1.0")


def test_the_action_verifies_what_it_is_told(repository):
    (repository / "specs/deep/er").mkdir(parents=True)
    shutil.copy(repository / "specs/gas.yaml", repository / "specs/deep/er/oil.yaml")
    done, told = run_step("Verify", repository, "chainprice")
    assert (done.returncode, told) == (0, ["verify", "-f", "github", "--", "specs/gas.yaml"])
    specs = "specs/**/*.yaml\nspecs/double.json"
    done, told = run_step("Verify", repository, "chainprice", specs=specs, args="--tolerance 1e-6")
    assert told == shlex.split(
        "verify -f github --tolerance 1e-6 -- specs/deep/er/oil.yaml specs/gas.yaml specs/double.json"
    )
    run_step(
        "Verify", repository, "chainprice", specs="$(touch hacked); `touch hacked`", args="; touch hacked"
    )
    assert not (repository / "hacked").exists()


@pytest.mark.skipif("github" not in {*VerifyFormat}, reason="verify has no format github yet")
def test_the_action_verifies(repository):
    as_system_hooks(repository)
    (repository / "bin").mkdir()
    shutil.copy(repository.parent / "chainprice", repository / "bin")
    done, _ = run_step("Verify", repository)
    assert done.returncode == 0, done.stderr
    (repository / "specs/gas.yaml").write_text(BAD, encoding="utf-8")
    done, _ = run_step("Verify", repository)
    assert done.returncode == 2
    assert "::error file=specs/gas.yaml,line=" in done.stdout
