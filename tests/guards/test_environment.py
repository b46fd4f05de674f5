"""One truth about what the project needs: pyproject.toml. The conda file and the lock follow it."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK_TEXT = (ROOT / "uv.lock").read_text(encoding="utf-8")
LOCK = tomllib.loads(LOCK_TEXT)
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
INDEX = "https://pypi.org/simple"
FILES = "https://files.pythonhosted.org/packages/"


def own_package():
    name = PROJECT["project"]["name"]
    return next(package for package in LOCK["package"] if package["name"] == name)


def normal(name):
    """The form of a package's name in which two spellings are one (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def parsed(requirement):
    """'Pandas >= 3.0' -> ('pandas', '>=3.0'), without extras."""
    name, specifier = re.fullmatch(r"([\w.-]+)(?:\[[^]]*\])?\s*(.*)", requirement).groups()
    return normal(name), specifier.replace(" ", "")


# --- pyproject.toml ----------------------------------------------------------------------------------------


def imported():
    """Top-level modules from outside that the package imports, and where."""
    found = {}
    for path in (ROOT / "planning").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module]
            found |= {name.partition(".")[0]: path.name for name in names}
    return {name: at for name, at in found.items() if name not in {*sys.stdlib_module_names, "planning"}}


def test_what_is_imported_is_declared():
    """Jinja2, MarkupSafe and others came with other packages' dependencies, in any version."""
    extras = PROJECT["project"]["optional-dependencies"].values()
    declared = {parsed(each)[0] for each in chain(PROJECT["project"]["dependencies"], *extras)}
    from_where = packages_distributions()
    missing = {
        name: at
        for name, at in imported().items()
        if declared.isdisjoint(map(normal, from_where.get(name, [name])))
    }
    assert missing == {}


def test_a_plan_needs_no_extra():
    """`planning plan` of a plain installation asked for nbformat."""
    extra = {parsed(each)[0] for each in PROJECT["project"]["optional-dependencies"]["notebooks"]}
    modules = [name for name, of in packages_distributions().items() if extra & set(map(normal, of))]
    needed = "planning.trim, planning.whatif, planning.report.plan_page, planning.report.workbook"
    code = f"import sys; sys.modules.update(dict.fromkeys({modules})); import planning.cli.common, {needed}"
    assert "nbformat" in modules
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_registry_is_told_what_it_shows():
    project = PROJECT["project"]
    floor = int(project["requires-python"].removeprefix(">=3."))
    for minor in range(floor, 14):
        assert f"Programming Language :: Python :: 3.{minor}" in project["classifiers"]
    assert {"description", "keywords", "license"} <= set(project)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for each in PROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(each["pattern"], each["replacement"], text)
    assert "](" in text
    assert all(link.startswith("https://") for link in re.findall(r"\]\(([^)]*)", text))
    assert "/.ci" in PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["exclude"]


# --- environment.yml ---------------------------------------------------------------------------------------


def test_conda_file_has_python_pip_and_the_project_only():
    """conda-forge's OR-Tools is too old, so everything else comes by pip from pyproject.toml."""
    *packages, by_pip = CONDA["dependencies"]
    assert [parsed(package)[0] for package in packages] == ["python", "pip"]
    assert by_pip == {"pip": ["-e .[notebooks]"]}
    assert CONDA["channels"] == ["conda-forge"]


def test_conda_file_installs_an_extra_that_exists():
    extra = re.search(r"\[(\w+)\]", CONDA["dependencies"][-1]["pip"][0])[1]
    assert extra in PROJECT["project"]["optional-dependencies"]


def test_python_is_the_same_everywhere():
    """environment.yml, the lock, ruff's and mypy's floor."""
    wanted = PROJECT["project"]["requires-python"]
    assert parsed(CONDA["dependencies"][0]) == ("python", wanted)
    assert LOCK["requires-python"] == wanted
    floor = wanted.removeprefix(">=")
    assert PROJECT["tool"]["ruff"]["target-version"] == "py" + floor.replace(".", "")
    assert PROJECT["tool"]["mypy"]["python_version"] == floor


# --- uv.lock -----------------------------------------------------------------------------------------------


def test_lock_names_only_the_public_index():
    """An index variable in somebody's shell leaks into it."""
    sources = [package["source"] for package in LOCK["package"] if package is not own_package()]
    assert own_package()["source"] == {"editable": "."}
    assert sources
    assert all(source == {"registry": INDEX} for source in sources)


def test_lock_downloads_only_from_the_public_index():
    files = [
        file
        for package in LOCK["package"]
        for file in [*package.get("wheels", []), package.get("sdist")]
        if file
    ]
    assert files
    assert all(file["url"].startswith(FILES) and file["hash"].startswith("sha256:") for file in files)
    hosts = set(re.findall(r"https?://([^/\"]+)", LOCK_TEXT))
    assert hosts == {"pypi.org", "files.pythonhosted.org"}


def test_lock_knows_every_dependency_with_its_range():
    """Those of the package and of its extras."""
    wanted = {(*parsed(each), None) for each in PROJECT["project"]["dependencies"]}
    for extra, requirements in PROJECT["project"]["optional-dependencies"].items():
        wanted |= {(*parsed(each), f"extra == '{extra}'") for each in requirements}
    metadata = own_package()["metadata"]
    assert {
        (each["name"], each["specifier"], each.get("marker")) for each in metadata["requires-dist"]
    } == wanted


@pytest.mark.parametrize("group", PROJECT["dependency-groups"])
def test_lock_knows_every_group(group):
    wanted = {parsed(each) for each in PROJECT["dependency-groups"][group]}
    locked = own_package()["metadata"]["requires-dev"][group]
    assert {(each["name"], each["specifier"]) for each in locked} == wanted


def test_lock_holds_a_package_for_every_dependency():
    locked = {package["name"] for package in LOCK["package"]}
    groups = [*PROJECT["project"]["optional-dependencies"].values(), *PROJECT["dependency-groups"].values()]
    wanted = {parsed(each)[0] for each in [*PROJECT["project"]["dependencies"], *chain.from_iterable(groups)]}
    assert wanted <= locked


# --- Makefile ----------------------------------------------------------------------------------------------


def targets(makefile):
    """Names of targets that are no files."""
    found = set(re.findall(r"^([a-z][\w-]*):(?!=)", makefile, re.MULTILINE))
    return found | set(re.search(r"^\.PHONY:(.*)$", makefile, re.MULTILINE)[1].split())


def test_help_lists_every_target():
    output = subprocess.run(
        ["make", "--silent", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    lines = [re.fullmatch(r"make ([\w-]+)\s+(\S.*)", line) for line in output.splitlines()]
    assert all(lines)
    assert sorted(line[1] for line in lines) == sorted(targets(MAKEFILE))


def test_every_target_is_phony():
    """A folder `data` or `notebooks` would else count as made."""
    phony = set(re.search(r"^\.PHONY:(.*)$", MAKEFILE, re.MULTILINE)[1].split())
    assert targets(MAKEFILE) == phony
    assert {"data", "notebooks", "report", "test", "lab", "help"} <= phony


def test_exported_variables_have_no_comment_behind_them():
    """make would keep the blanks before it as a part of the value."""
    assert not re.findall(r"^export .*#", MAKEFILE, re.MULTILINE)
