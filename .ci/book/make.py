"""Make the book in HTML: cleaned copies of the notebooks and a reference go to build/book, Sphinx makes outputs/book.

.ci/book/make.py [FOLDER]: into another folder. Nothing is executed; the outputs are those that are stored."""
import os
import re
import shutil
import sys
from pathlib import Path

import nbformat
from reference import write_reference
from sphinx.cmd.build import build_main

here = Path(__file__).resolve().parent
root = here.parent.parent
source = root / "build" / "book"
REPEATED = {  # pages of the project that become pages of the book
    "README.md": "index.ipynb",
    "README.ko.md": "index.ko.ipynb",
    "CONTRIBUTING.md": "about/contributing.md",
    "CHANGELOG.md": "about/changes.md",
    "restorecolor/weights/RIGHTS.md": "about/rights.md",
}
LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")
DIRECTIVE = re.compile(r"^#\|\s*(.+?)\s*$", re.M)
TAGS = {  # nbdev's directives, and MyST-NB's tags for them
    "hide_input": "remove-input", "echo: false": "remove-input",
    "hide_output": "remove-output", "output: false": "remove-output",
}
HIDDEN = {"hide", "include: false"}


def link_to(target: str, page: str, origin: Path) -> str:
    "What a link of a page becomes in the book. `origin` is the file it is in; files from elsewhere are taken along."
    if re.match(r"[a-z]+:", target):
        return target
    file = (origin.parent / target).resolve()
    if not file.is_file():
        return target  # Sphinx says that it is dead
    name = file.relative_to(root).as_posix()
    if name in REPEATED:
        name = REPEATED[name]
    elif name.startswith("nbs/"):
        name = name.removeprefix("nbs/")
    else:
        name = "files/" + name.lstrip(".")
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, source / name)
    return os.path.relpath(name, Path(page).parent)


def with_links(text: str, page: str, origin: Path) -> str:
    "The text with its links as they are in the book, where headings are named in small letters."
    def changed(m):
        place = m[3] or ""
        return m[1] + link_to(m[2], page, origin) + (place if ":" in m[2] else place.lower()) + m[4]
    return LINK.sub(changed, text)


def shown(outputs: list) -> list:
    "The outputs that a book has a use for: no bars, no widgets, no styles alone."
    kept = []
    for output in outputs:
        data = output.get("data", {})
        widget = "application/vnd.jupyter.widget-view+json" in data
        style = re.fullmatch(r"\s*<style.*?</style>\s*", data.get("text/html", ""), re.S)
        if not widget and not style:
            kept.append(output)
    return kept


def cleaned(path: Path) -> nbformat.NotebookNode:
    "A notebook as readers see it: hidden cells left out, directives honoured and taken out of the code."
    notebook = nbformat.read(path, as_version=4)
    page, cells, heading = path.relative_to(root / "nbs").as_posix(), [], ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"^- skip_exec: true\n?", "", cell.source, flags=re.M)
            cell.source = with_links(cell.source, page, path)
            # executed elsewhere, they name notebooks and do not link to them
            if path.parent.name == "runs" or path.name.startswith("run_"):
                cell.source = re.sub(r"`(\d\d_\w+\.ipynb)`", r"[`\1`](../\1)", cell.source)
            heading = (re.findall(r"^#+ +(.+)$", cell.source, re.M) or [heading])[-1]
        elif cell.cell_type == "code":
            directives = set(DIRECTIVE.findall(cell.source))
            if HIDDEN & directives:
                continue
            cell.source = DIRECTIVE.sub("", cell.source).strip("\n")
            cell.outputs = shown(cell.outputs)
            if not cell.source.strip() and not cell.outputs:
                continue
            tags = [TAGS[d] for d in sorted(directives) if d in TAGS]
            cell.metadata = nbformat.from_dict({"tags": tags, "mystnb": {"image": {"alt": f"{heading}: a picture"}}})
        cells.append(cell)
    notebook.cells = cells
    kernel = {"name": "python3", "display_name": "python3", "language": "python"}
    language = {"name": "python", "pygments_lexer": "ipython3"}
    # no widgets: they ask another host for their scripts
    notebook.metadata = nbformat.from_dict({"kernelspec": kernel, "language_info": language})
    return notebook


def title_of(path: Path) -> tuple[str, str]:
    "A notebook's title, and the line below it."
    first = nbformat.read(path, as_version=4).cells[0].source
    return re.search(r"^# (.+)$", first, re.M)[1], (re.search(r"^> (.+)$", first, re.M) or ["", ""])[1]


def contents(title: str, said: str, notebooks: list[Path], folder: Path) -> str:
    "A page that lists notebooks, with what each is about."
    lines = [f"# {title}", "", said, ""]
    for path in notebooks:
        name, about = title_of(path)
        lines += [f"[{name}]({path.relative_to(folder).as_posix()})", f": {about}", ""]
    return "\n".join(lines) + toctree([path.relative_to(folder).with_suffix("").as_posix() for path in notebooks])


def toctree(pages: list[str], depth: int = 1) -> str:
    return "\n```{toctree}\n:hidden:\n:maxdepth: " + f"{depth}\n\n" + "\n".join(pages) + "\n```\n"


def write_sources():
    "All that Sphinx reads."
    shutil.rmtree(source, ignore_errors=True)
    nbs = root / "nbs"
    notebooks = [p for p in sorted(nbs.rglob("*.ipynb")) if ".ipynb_checkpoints" not in p.parts]
    for path in notebooks:
        copy = source / path.relative_to(nbs)
        copy.parent.mkdir(parents=True, exist_ok=True)
        notebook = cleaned(path)
        if path == nbs / "index.ipynb":
            pages = ["components", "runs/index", "studies/index", "reference/index", "about/index"]
            korean = ["한국어 <index.ko>"] if (nbs / "index.ko.ipynb").is_file() else []
            notebook.cells.append(nbformat.v4.new_markdown_cell(toctree(pages + korean)))
        nbformat.write(notebook, copy)
    components = [p for p in notebooks if re.match(r"\d\d_", p.name)]
    said = "In the order in which they build on each other. Each explains, makes and tests one module, and exports it."
    page = contents("Notebooks", said, [*components, nbs / "model_card.ipynb"], nbs)
    (source / "components.md").write_text(page, encoding="utf-8")
    for folder, title, said in (
            ("runs", "Runs", "Notebooks with parameters, which papermill executes, as they are before a run."),
            ("studies", "Studies", "What helps and what does not: evidence, executed.")):
        order = ["clean", "train", "evaluate", "submit"]
        place = lambda stem: order.index(stem) if stem in order else len(order)
        some = [p for p in notebooks if p.parent == nbs / folder]
        some.sort(key=lambda p: (place(p.stem.removeprefix("run_")), p.stem))
        (source / folder / "index.md").write_text(contents(title, said, some, nbs / folder), encoding="utf-8")
    (source / "about").mkdir()
    about = []
    for name, page in REPEATED.items():
        if page.startswith("about/"):
            text = with_links((root / name).read_text(encoding="utf-8"), page, root / name)
            (source / page).write_text(text, encoding="utf-8")
            about.append(Path(page).stem)
    page = "# About\n\n" + "\n".join(f"- {{doc}}`{name}`" for name in about) + "\n" + toctree(about)
    (source / "about" / "index.md").write_text(page, encoding="utf-8")
    write_reference(root / "restorecolor", source / "reference")


if __name__ == "__main__":
    out = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else root / "outputs" / "book"
    write_sources()
    shutil.rmtree(out, ignore_errors=True)
    doctrees = root / "build" / "book.doctrees"
    options = ["-b", "html", "-E", "-q", "-j", "auto", "-W", "--keep-going", "-c", str(here), "-d", str(doctrees)]
    code = build_main([*options, str(source), str(out)])
    if not code:
        print(f"the book: {os.path.relpath(out / 'index.html')}")
    sys.exit(code)
