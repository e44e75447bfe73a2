"""What lakekit needs is said in pyproject.toml; the lock, the conda file and the code say nothing else.

It must not ask a package index: a lock that satisfies the bounds is enough.
"""

import ast
import copy
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
# imported by name, and sure to come with a package that we ask for
COMES_WITH = {"botocore": "boto3", "IPython": "ipywidgets", "werkzeug": "moto", "grpc": "pyspark-client"}
SAME_RELEASE = ("s3fs", "fsspec")


def list_requirements(*extras: str) -> dict[str, Requirement]:
    """What the core and the named extras ask for, by name; an extra that names extras of lakekit brings those."""
    found = {}
    lines = [*PROJECT["project"]["dependencies"]]
    for extra in extras:
        lines += PROJECT["project"]["optional-dependencies"][extra]
    for requirement in map(Requirement, lines):
        if requirement.name == "lakekit":
            found |= list_requirements(*requirement.extras)
        else:
            found[canonicalize_name(requirement.name)] = requirement
    return found


def read_pins(lock: str) -> dict[str, list[Version]]:
    """The versions that the lock holds of each package: more than one where Pythons or systems differ."""
    pins: dict[str, list[Version]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", lock, flags=re.MULTILINE):
        pins.setdefault(canonicalize_name(name), []).append(Version(version))
    return pins


def find_imported_packages(path: Path) -> set[str]:
    """The packages that a Python file imports, anywhere in it."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    return {name.partition(".")[0] for name in names}


def find_conda_faults(environment: dict) -> list[str]:
    """Where environment.yml and pyproject.toml part, in words."""
    conda = PROJECT["tool"]["lakekit"]["conda"]
    wanted = list_requirements(*conda["extras"])
    wanted |= {name: list_requirements("dev")[name] for name in conda["also"]}
    bounds = {conda["names"].get(name, name): str(wanted[name].specifier) for name in wanted.keys() - conda["pip-only"]}
    lines = [line for line in environment["dependencies"] if isinstance(line, str)]
    python, pip, *packages = lines
    given = {name: str(SpecifierSet(bound)) for name, _, bound in (line.partition(" ") for line in packages)}

    faults = []
    exact = re.fullmatch(r"python=(\d+\.\d+)", python)  # Binder reads no other form
    if not exact or exact[1] not in SpecifierSet(PROJECT["project"]["requires-python"]):
        faults.append(f"{python}: not python=X.Y of a version that lakekit runs on")
    if len(given) != len(packages):
        faults.append("a package stands there twice")
    if pip != "pip" or environment["dependencies"][-1] != {"pip": [f"-e .[{','.join(conda['extras'])}]"]}:
        faults.append("pip does not bring lakekit itself and what is not on conda-forge")
    if environment["channels"] != ["conda-forge", "nodefaults"]:
        faults.append("other channels than conda-forge")
    for name in sorted(bounds.keys() | given.keys()):
        if bounds.get(name) != given.get(name):
            faults.append(f"{name}: pyproject.toml {bounds.get(name, 'does not ask for it')}, here {given.get(name)}")
    return faults


def test_the_conda_file_asks_for_what_pyproject_asks_for():
    assert find_conda_faults(ENVIRONMENT) == []


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("polars >=2.1", "polars >=1.0"),
        ("polars >=2.1", "polars"),
        ("polars >=2.1", None),
        ("polars >=2.1", "pandas >=2.0"),
        ("python=3.12", "python >=3.11"),
        ("python=3.12", "python=3.10"),
        ("deltalake >=1.5,<=1.6.3", "deltalake >=1.5"),
        ({"pip": ["-e .[local,delta,spark]"]}, {"pip": ["-e ."]}),
    ],
)
def test_a_conda_file_that_parts_from_pyproject_is_found(line, changed):
    environment = copy.deepcopy(ENVIRONMENT)
    place = environment["dependencies"].index(line)
    environment["dependencies"][place : place + 1] = [changed] if changed else []
    assert find_conda_faults(environment)


def test_a_package_that_nobody_asked_for_is_found():
    environment = copy.deepcopy(ENVIRONMENT)
    environment["dependencies"].insert(-1, "pandas >=2.0")
    assert find_conda_faults(environment) == ["pandas: pyproject.toml does not ask for it, here >=2.0"]


def test_the_lock_holds_what_the_tests_need_within_the_bounds():
    pins = read_pins(LOCK)
    wrong = {
        name: [str(version) for version in pins.get(name, [])] or "not there"
        for name, requirement in list_requirements("dev").items()
        if not pins.get(name) or not all(version in requirement.specifier for version in pins[name])
    }
    assert wrong == {}, "Hint: make lock"


def test_the_lock_has_one_release_of_s3fs_and_fsspec():
    pins = read_pins(LOCK)
    releases = {version.release[:2] for name in SAME_RELEASE for version in pins[name]}
    assert len(releases) == 1


def test_the_lock_names_no_place_to_download_from():
    assert re.findall(r".*(?:://|--(?:index|extra-index|find-links|trusted)|(?:^|\s)@|\.whl).*", LOCK) == []


def test_every_package_in_the_lock_is_exact_and_has_its_hashes():
    entries = re.split(r"\n(?=\S)", "\n".join(line for line in LOCK.splitlines() if not line.startswith("#")))
    odd = [entry.splitlines()[0] for entry in entries if not re.match(r"[\w.-]+==\S+ .*\\\n +--hash=sha256:", entry)]
    assert len(entries) > 100
    assert odd == []


@pytest.mark.parametrize(
    ("extra", "text"),
    [(extra, text) for extra, lines in PROJECT["project"]["optional-dependencies"].items() for text in lines]
    + [("core", text) for text in PROJECT["project"]["dependencies"]],
)
def test_every_requirement_has_a_lower_bound(extra, text):
    requirement = Requirement(text)
    assert requirement.name == "lakekit" or any(bound.operator in (">=", "==") for bound in requirement.specifier)


def test_every_package_that_the_code_imports_is_asked_for():
    imported = {name for path in (ROOT / "lakekit").rglob("*.py") for name in find_imported_packages(path)}
    distributions = packages_distributions()
    asked_for = list_requirements(*PROJECT["project"]["optional-dependencies"]).keys()
    missing = {
        name
        for name in imported - sys.stdlib_module_names - {"lakekit"}
        if asked_for.isdisjoint(map(canonicalize_name, [COMES_WITH.get(name, name), *distributions.get(name, [])]))
    }
    assert missing == set(), "Hint: name it in pyproject.toml and environment.yml, then make lock"
