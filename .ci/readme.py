"""Write README.md from nbs/index.ipynb, and README.ko.md from nbs/index.ko.ipynb: prose, code and outputs; pictures
go to nbs/readme_files/. Badges come first: they are pictures of other hosts, which the book never asks for."""
import configparser
import re
import shutil
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter
from traitlets.config import Config

root = Path(__file__).resolve().parent.parent
pictures = root / "nbs" / "readme_files"
MADE = {"index.ipynb": "README.md", "index.ko.ipynb": "README.ko.md"}
SHOWN = {"index.ipynb": "restored photographs", "index.ko.ipynb": "복원한 사진"}


def badges() -> str:
    "A line of badges: tests, book, Python, licence, Colab."
    parser = configparser.ConfigParser(delimiters=["="], inline_comment_prefixes=None)
    parser.read(root / "settings.ini", encoding="utf-8")
    project = parser["DEFAULT"]
    home = project["git_url"]
    book = project["doc_host"] + project["doc_baseurl"]
    colab = "https://colab.research.google.com"
    page = f"{colab}{home.removeprefix('https:/').replace('github.com', 'github')}/blob/main/nbs/runs/page.ipynb"
    python = f"{project['min_python']}_to_{project['max_python']}"
    license_ = project["license"].replace("-", "--")
    shield = "https://img.shields.io/badge"
    return " ".join(
        f"[![{name}]({picture})]({link})"
        for name, picture, link in [
            ("tests", f"{home}/actions/workflows/ci.yml/badge.svg", f"{home}/actions/workflows/ci.yml"),
            ("book", f"{shield}/book-read-blue", f"{book}/"),
            ("Python", f"{shield}/python-{python}-blue", "settings.ini"),
            ("licence", f"{shield}/licence-{license_}-green", "LICENSE"),
            ("Colab", f"{colab}/assets/colab-badge.svg", page),
        ]
    )


def readme(name: str) -> tuple[str, dict[str, bytes]]:
    "The text that a notebook becomes, and its pictures."
    notebook = nbformat.read(root / "nbs" / name, as_version=4)
    notebook.cells = [c for c in notebook.cells if not c.source.startswith("#| hide")]  # tests and style
    for cell in notebook.cells:
        if cell.cell_type == "code":  # progress bars are for those who wait
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr" and o.get("text", "x").strip()]

    config = Config()
    language = "".join(f"{part}_" for part in name.split(".")[1:-1])
    config.ExtractOutputPreprocessor.output_filename_template = language + "{cell_index}_{index}{extension}"
    text, resources = MarkdownExporter(config=config).from_notebook_node(notebook)

    text = re.sub(r"^```\n(?=(import|from) )", "```python\n", text, flags=re.M)
    text = re.sub(r"<style.*?</style>", "", text, flags=re.S)
    text = re.sub(r"!\[.*?\]\(((?:\w+_)?\d+_\d+\.\w+)\)", rf"![{SHOWN[name]}](nbs/readme_files/\1)", text)
    text = text.replace("](../", "](")  # links above its folder
    for other, made in MADE.items():
        text = text.replace(f"]({other})", f"]({made})")
    text = re.sub(r"\]\((?!http|nbs/|#)([\w/]+\.ipynb)\)", r"](nbs/\1)", text)  # links to its neighbours
    title, _, rest = text.partition("\n")
    text = f"{title}\n\n{badges()}\n{rest}"
    text = re.sub(r"[ \t]+\n", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n", resources["outputs"]


shutil.rmtree(pictures, ignore_errors=True)
pictures.mkdir()
for name, made in MADE.items():
    text, outputs = readme(name)
    for picture, data in outputs.items():
        (pictures / picture).write_bytes(data)
    (root / made).write_text(text, encoding="utf-8")
