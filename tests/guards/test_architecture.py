"""The house: imports point one way, modules are documented and short, nothing prints.

Each rule is a function from a source to its faults; the bad sources below prove that each can fail.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "planning"
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted(Path(__file__).parents[1].rglob("*.py"))
LINES = 900
# Left to right, as in the table of planning/README.md: a room may use those to its left, and its own files.
ROOMS = [
    "errors",
    "checks",
    "effort",
    "queueing",
    "calendars",
    "centre",
    "tables",
    "demand",
    "examples",
    "deferred",
    "staffing",
    "systems",
    "pay",
    "service",
    "shifts",
    "roster",
    "simulation",
    "overflow",
    "intraday",
    "report",
    "trim",
    "plan",
    "edition",
    "requested",
    "retyped",
    "whatif",
    "studies",
    "app",
    "cli",
]
RANK = {room: rank for rank, room in enumerate(ROOMS)}
STUDENTS = {"studies", "app"}
EXAMPLE = re.compile(r"(?i:moscow|kaluga|dallas|phoenix|cairo|rouble|\bRUB\b)|^(?:RU|DE|KZ|US|EG|EUR|USD)$")
EVERYTHING = ["planning/__init__.py"]  # it only says where names come from


def name_of(path: Path) -> str:
    """planning/shifts/cover.py -> planning.shifts.cover, tests/unit/test_plan.py -> tests.unit.test_plan."""
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def imports(tree: ast.Module, name: str) -> Iterator[tuple[int, str]]:
    """Absolute names of all that a file imports, wherever in it, in functions too: files or names in them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            above = name.split(".")[: -node.level] if node.level else []
            whole = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{whole}.{alias.name}") for alias in node.names)


def points_right(tree: ast.Module, name: str) -> Iterator[str]:
    own = name.split(".")[1]
    for line, imported in imports(tree, name):
        parts = imported.split(".")
        if parts[0] != "planning":
            continue
        room = parts[1] if len(parts) > 1 else ""
        if room not in RANK:
            yield f"{name}:{line} imports {imported}: name the module that it comes from"
        elif RANK[room] > RANK[own]:
            yield f"{name}:{line} imports {imported}, which does not stand to its left"


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def takes_a_private_name(tree: ast.Module, name: str) -> Iterator[str]:
    """A leading underscore means: for this file alone."""
    for line, imported in imports(tree, name):
        if imported.startswith("planning.") and any(map(is_private, imported.split("."))):
            yield f"{name}:{line} imports {imported}: give it a public name"
    given = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("planning"))
        for alias in node.names
    }
    for node in ast.walk(tree):
        owner = getattr(node, "value", None)
        if isinstance(owner, ast.Name) and owner.id in given and is_private(getattr(node, "attr", "")):
            yield f"{name}:{node.lineno} uses {owner.id}.{node.attr}: give it a public name"


def reaches_behind_a_door(tree: ast.Module, name: str) -> Iterator[str]:
    """A test asks for what everybody may use: it takes, reads, calls and replaces public names only.

    Names that end in an underscore too are a protocol's, as IPython's ``_repr_mimebundle_``.
    """

    def hidden(path: str) -> bool:
        last = path.rpartition(".")[2]
        return is_private(last) and not last.endswith("_")

    for line, imported in imports(tree, name):
        if imported.startswith("planning.") and any(map(is_private, imported.split("."))):
            yield f"{name}:{line} imports {imported}: ask through a public name"
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=owner, attr=attr) if hidden(attr):
                if not (isinstance(owner, ast.Name) and owner.id in {"self", "cls"}):
                    yield f"{name}:{node.lineno} uses {ast.unparse(node)}: ask through a public name"
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=args):
                if called in {"getattr", "setattr", "delattr"}:
                    for arg in args:
                        if isinstance(arg, ast.Constant) and hidden(str(arg.value)):
                            yield f"{name}:{node.lineno} uses {arg.value}: ask through a public name"


def uses_a_study(tree: ast.Module, name: str) -> Iterator[str]:
    """A study answers a reader's question, so only notebooks and the page may ask it."""
    if name.split(".")[1] in STUDENTS:
        return
    for line, imported in imports(tree, name):
        if imported.startswith("planning.studies"):
            yield f"{name}:{line} imports {imported}: move what a plan needs to planning.systems"


def lists_its_names(tree: ast.Module, name: str) -> Iterator[str]:
    """A leading underscore says what is not public; only a package's door may name names, to hand them on."""
    for node in tree.body:
        listed = isinstance(node, ast.Assign) and "__all__" in map(ast.unparse, node.targets)
        if listed and not name.endswith("__init__"):
            yield f"{name}:{node.lineno} lists its names: begin those with _ that are for this file alone"


def prints(tree: ast.Module, name: str) -> Iterator[str]:
    for node in ast.walk(tree):
        called = getattr(node, "func", None)
        if isinstance(called, ast.Name) and called.id == "print":
            yield f"{name}:{node.lineno} prints: return it, or raise"


def names_an_example(tree: ast.Module, name: str) -> Iterator[str]:
    """No text of the code names a site, a zone, a country or the money of an example; docstrings may."""
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in docstrings else ""
        if isinstance(text, str) and (found := EXAMPLE.search(text)):
            yield f"{name}:{node.lineno} names {found[0]!r}: take it from the centre"


def undocumented(tree: ast.Module, name: str) -> Iterator[str]:
    if not ast.get_docstring(tree):
        yield f"{name} has no docstring"


def adds_as_the_processor_does(tree: ast.Module, name: str) -> Iterator[str]:
    """Find products that BLAS adds up: their last digit depends on the processor, and a roster on it."""
    if name.startswith("planning.roster."):
        found = [node.lineno for node in ast.walk(tree) if isinstance(getattr(node, "op", None), ast.MatMult)]
        yield from (f"{name}:{line} adds by BLAS: write (a * b).sum()" for line in found)


def faults(source: str, name: str) -> list[str]:
    tree = ast.parse(source)
    rules = (
        points_right,
        takes_a_private_name,
        uses_a_study,
        lists_its_names,
        prints,
        names_an_example,
        undocumented,
        adds_as_the_processor_does,
    )
    return [fault for rule in rules for fault in rule(tree, name)]


def circle(sources: Mapping[str, str]) -> list[str]:
    """Return one circle of files that import one another, in functions or for types too; none: empty."""
    files = {name.removesuffix(".__init__"): name for name in sources}
    graph = {}
    for file, name in files.items():
        taken = {imported for _, imported in imports(ast.parse(sources[name]), name)}
        # What is imported is a file, or a name in one.
        graph[file] = {each if each in files else each.rpartition(".")[0] for each in taken} & files.keys()
        graph[file].discard(file)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.mark.parametrize(
    "path", [m for m in MODULES if str(m.relative_to(PACKAGE.parent)) not in EVERYTHING], ids=name_of
)
def test_module_keeps_the_houses_rules(path):
    name = name_of(path)
    assert name.split(".")[1] in RANK, f"{name} has no room: give it a place in ROOMS"
    assert not faults(path.read_text(encoding="utf-8"), name)


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_a_test_stays_before_the_door(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not list(reaches_behind_a_door(tree, name_of(path)))


def test_no_files_import_one_another():
    assert not circle({name_of(path): path.read_text(encoding="utf-8") for path in MODULES})


def test_the_rooms_are_those_of_the_diagram():
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)/?` \|", text, re.MULTILINE) == ROOMS


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_file_is_too_long(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LINES, f"{name_of(path)} has {lines} lines, must have at most {LINES}: divide it"


def test_the_package_says_only_where_names_come_from():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    assert not [
        imported for _, imported in imports(tree, "planning.__init__") if imported.startswith("planning")
    ]


def test_every_name_of_the_stub_exists():
    """The names that notebooks use, each from the module that the stub names."""
    import planning

    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    names = [
        alias.name for node in ast.walk(stub) if isinstance(node, ast.ImportFrom) for alias in node.names
    ]
    assert sorted(names) == sorted(planning.__all__)
    assert all(getattr(planning, name).__doc__ for name in names)


def test_there_is_something_to_guard():
    assert {name_of(path) for path in MODULES} > {
        "planning.centre.model",
        "planning.cli.__init__",
        "planning.shifts.cover",
    }


GOOD = '"""Doc."""\n'


@pytest.mark.parametrize(
    ("name", "line", "fault"),
    [
        ("planning.staffing", "from planning.shifts import cover", "does not stand to its left"),
        ("planning.staffing", "def f():\n    from planning.plan import plan", "does not stand to its left"),
        ("planning.staffing", "if TYPE_CHECKING:\n    import planning.cli", "does not stand to its left"),
        ("planning.demand.forecast", "from ..staffing import requirement", "does not stand to its left"),
        ("planning.demand.__init__", "from ..plan import plan", "does not stand to its left"),
        ("planning.plan", "from planning.whatif import compare", "does not stand to its left"),
        ("planning.queueing.erlang", "from planning.centre import Centre", "does not stand to its left"),
        ("planning.errors", "from planning import cli", "does not stand to its left"),
        ("planning.calendars", "from planning.centre import Centre", "does not stand to its left"),
        ("planning.plan", "from planning import requirement", "name the module"),
        ("planning.plan", "import planning", "name the module"),
        ("planning.cli.plans", "from planning.studies.hiring import hedges", "move what a plan needs"),
        ("planning.plan", "def f():\n    print(1)", "prints"),
        ("planning.plan", '__all__ = ["plan"]', "lists its names"),
        ("planning.plan", "from planning.staffing import _rostered", "_rostered: give it a public name"),
        (
            "planning.shifts.cover",
            "from planning.shifts._walk import go",
            "_walk.go: give it a public name",
        ),
        ("planning.shifts.cover", "from .catalogue import _kinds", "_kinds: give it a public name"),
        ("planning.plan", "from planning.shifts import cover\ncover._x()", "uses cover._x"),
        ("planning.roster.problem", "cost = price @ heads", "adds by BLAS"),
        ("planning.demand.facts", "raise ValueError('such as Europe/Moscow')", "names 'Moscow'"),
        ("planning.report.style", "UNIT = f'{1} RUB'", "names 'RUB'"),
    ],
)
def test_bad_sources_are_found(name, line, fault):
    found = faults(GOOD + line, name)
    assert len(found) == 1
    assert fault in found[0]


@pytest.mark.parametrize(
    "line",
    [
        "from planning.staffing import _rostered",
        "from planning.shifts._walk import go",
        "staffing._rostered(1)",
        "page.table._rows[0]",
        'monkeypatch.setattr("planning.cli._plan", None)',
        'patch.setattr(style, "_runs", None)',
        'getattr(style, "_runs")',
    ],
)
def test_tests_behind_a_door_are_found(line):
    assert len(list(reaches_behind_a_door(ast.parse(line), "tests.unit.test_plan"))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "from planning.staffing import rostered",
        "self._days(1)",
        "figure._repr_mimebundle_()",
        "plan.__doc__",
        'monkeypatch.setattr("planning.cli.plan", None)',
        'getattr(planning, "__all__", ())',
    ],
)
def test_tests_before_the_door_pass(line):
    assert not list(reaches_behind_a_door(ast.parse(line), "tests.unit.test_plan"))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("planning.centre.model", "from planning.calendars import axis"),
        ("planning.centre.routing", "from planning.centre.settings import clock_text"),
        ("planning.shifts.cover", "from planning.shifts.catalogue import catalogue"),
        ("planning.shifts.cover", "from .catalogue import catalogue"),
        ("planning.cli.plans", "from planning import plan"),
        ("planning.plan", "import pandas"),
        ("planning.plan", "sheet.print(1)"),
        ("planning.plan", 'def f():\n    """Moscow closes."""'),
    ],
)
def test_good_sources_pass(name, line):
    assert not faults(GOOD + line, name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("from planning.a.two import x", "from planning.a.one import y"),
        ("from planning.a import two", "def f():\n    from . import one"),
        ("import planning.a.two", "if TYPE_CHECKING:\n    from .one import Y"),
        ("from planning.a.two import x", "from planning.a import y"),
    ],
)
def test_circles_are_found(one, other):
    package = "from planning.a.one import y"
    assert circle({"planning.a.__init__": package, "planning.a.one": one, "planning.a.two": other})
    assert not circle({"planning.a.__init__": package, "planning.a.one": one, "planning.a.two": ""})


def test_module_without_a_docstring_is_found():
    assert faults("x = 1", "planning.plan") == ["planning.plan has no docstring"]
