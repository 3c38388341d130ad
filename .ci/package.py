"""Build the package as others get it, install it into a fresh environment, restore a photograph there, offline;
and look whether what it imports is what it declares."""
import ast
import configparser
import functools
import importlib.metadata
import json
import re
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

root = Path(__file__).resolve().parent.parent
settings = configparser.ConfigParser(delimiters=["="], inline_comment_prefixes=None)
settings.read(root / "settings.ini", encoding="utf-8")
settings = settings["DEFAULT"]
EXTRAS = [name.removesuffix("_requirements") for name in settings if name.endswith("_requirements")]


# ---- what is imported and what is declared

# brought along, as their metadata say
COMES_WITH = {"IPython": "ipykernel", "matplotlib_inline": "ipykernel", "docutils": "sphinx"}
MADE = {"sides"}  # modules that a notebook writes before it imports them
NOT_IMPORTED = {  # declared, and used in another way
    "ipykernel": "papermill runs notebooks in it",
    "ipywidgets": "tqdm.auto, which papermill and transformers use, draws bars with it in notebooks; warns without",
    "tensorboard": "Lightning's TensorBoardLogger writes with it",
}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", name.strip())[0]).lower()


def declared(*kinds: str) -> set[str]:
    return {canonical(word) for kind in kinds for word in settings[kind].split()}


def imports(source: str) -> set[str]:
    "The packages that a source imports, wherever it does."
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - MADE - {"restorecolor"}


def code_of(notebook: Path) -> str:
    "The code of a notebook, without lines that are IPython's."
    cells = [c["source"] for c in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
    cells = ["".join(source) for source in cells]
    lines = [line for source in cells if source[:2] != "%%" for line in source.splitlines()]
    return "\n".join(line for line in lines if line.lstrip()[:1] not in ("%", "!"))


distributions = functools.cache(importlib.metadata.packages_distributions)


def providers(module: str) -> set[str]:
    "The distributions that bring a module."
    known = distributions().get(module, [])
    return {canonical(name) for name in known} or {canonical(module)}


def undeclared(sources: dict[str, str], *kinds: str) -> list[str]:
    wanted, own = declared(*kinds), {p.stem for p in (root / ".ci").rglob("*.py")}
    problems = []
    for name, source in sources.items():
        for module in sorted(imports(source) - own):
            names = {COMES_WITH[module]} if module in COMES_WITH else providers(module)
            if not names & wanted:
                whose = " or ".join(sorted(names))
                problems.append(f"{name} imports {module} ({whose}), which is not declared in {' or '.join(kinds)}")
    return problems


def check_declared() -> list[str]:
    "What is imported and not declared, or declared and not used."
    extras = [f"{name}_requirements" for name in EXTRAS if name != "dev"]
    package = {p.name: p.read_text(encoding="utf-8") for p in sorted((root / "restorecolor").glob("*.py"))}
    runs = {p.name: code_of(p) for p in sorted((root / "nbs/runs").glob("*.ipynb"))}
    others = {p.name: code_of(p) for p in sorted((root / "nbs").rglob("*.ipynb"))
              if not {"runs", ".ipynb_checkpoints"} & set(p.parts)}
    others |= {p.name: p.read_text(encoding="utf-8") for p in sorted((root / ".ci").rglob("*.py"))}
    problems = undeclared(package, "requirements", *extras) + undeclared(runs, "requirements")
    problems += undeclared(others, "requirements", "dev_requirements", *extras)
    modules = set().union(*map(imports, [*package.values(), *runs.values()]))
    used = {name for module in modules for name in providers(module)}
    idle = declared("requirements") - used - set(NOT_IMPORTED)
    problems += [f"{name} is declared, nothing imports it, and there is no word why" for name in sorted(idle)]
    gone = set(NOT_IMPORTED) - declared("requirements")
    problems += [f"{name} is said to be declared, and is not" for name in sorted(gone)]
    brings = {whose: importlib.metadata.requires(whose) or [] for whose in set(COMES_WITH.values())}
    lost = [name for name, whose in COMES_WITH.items() if canonical(name) not in map(canonical, brings[whose])]
    return problems + [f"{name} does not come with {COMES_WITH[name]} any more" for name in lost]


# ---- the package as it is installed

def build(out: Path) -> tuple[Path, Path]:
    "A source distribution, and the wheel that is built from it, with this environment's tools: nothing is fetched."
    tree = out / "tree"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=root, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):  # a copy: builds leave folders behind
        if (root / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes((root / name).read_bytes())
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(tree)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"the package cannot be built:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    [sdist], [wheel] = out.glob("*.tar.gz"), out.glob("*.whl")
    return sdist, wheel


def check_contents(sdist: Path, wheel: Path) -> list[str]:
    "What is missing in either."
    with tarfile.open(sdist) as file:
        source = {name.partition("/")[2] for name in file.getnames()}
    built = set(zipfile.ZipFile(wheel).namelist())
    patterns = ("*.py", "py.typed", "weights/*", "profiles/*.yaml")
    inside = {p.relative_to(root).as_posix() for pattern in patterns for p in (root / "restorecolor").glob(pattern)}
    around = {"settings.ini", "setup.py", "pyproject.toml", "README.md", "LICENSE", "Makefile", "nbs/index.ipynb"}
    problems = [f"{name} is not in the source distribution" for name in sorted((inside | around) - source)]
    problems += [f"{name} is not in the wheel" for name in sorted(inside - built)]
    more = [name for name in sorted(built) if not name.startswith("restorecolor")]
    return problems + [f"{name} is in the wheel, and should not be" for name in more]


OFFLINE = """
import socket, sys
def refused(*_, **__): raise OSError("there is no network here")
socket.socket.connect = socket.socket.connect_ex = socket.create_connection = socket.getaddrinfo = refused
import restorecolor
print(restorecolor.__file__, restorecolor.__version__)
from restorecolor import Restorer, doctor, random_damage, luma, read_rgb, sample_photos, write_png
import numpy as np
damaged, mask = random_damage(luma(sample_photos()["cat"]), np.random.default_rng(1))
write_png("damaged.png", damaged)
restored = Restorer.from_pretrained().restore("damaged.png")
assert (restored.mask == mask).mean() > 0.99 and restored.image.std(axis=2).mean() > 1
from importlib.metadata import entry_points
[command] = entry_points(group="console_scripts", name="restorecolor")
sys.argv = ["restorecolor", "restore", "damaged.png", "--out", "out"]
try: code = command.load()()
except SystemExit as end: code = end.code
assert not code and read_rgb("out/damaged.png").shape == restored.image.shape, code
print(doctor())
"""


def try_it(wheel: Path, folder: Path):
    "Install the wheel into a fresh environment, which borrows the other packages of this one, and restore there."
    venv.create(folder, with_pip=False)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    command = [str(python), "-I", "-W", "ignore", "-c", OFFLINE]
    done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True)
    print(done.stdout)
    if done.returncode or str(site) not in done.stdout.splitlines()[0]:
        raise SystemExit(f"the installed package does not restore:\n{done.stderr[-3000:]}")


if __name__ == "__main__":
    problems = check_declared()
    with tempfile.TemporaryDirectory() as folder:
        sdist, wheel = build(Path(folder))
        print(f"{sdist.name} {sdist.stat().st_size / 1e6:.1f} MB, {wheel.name} {wheel.stat().st_size / 1e6:.1f} MB")
        problems += check_contents(sdist, wheel)
        try_it(wheel, Path(folder) / "fresh")
    print(*problems, f"{len(problems)} problems", sep="\n")
    sys.exit(bool(problems))
