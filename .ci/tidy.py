"""Take progress bars and the warnings of one machine out of the notebooks' outputs; join what was printed in pieces."""
import sys
from pathlib import Path

import nbformat

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root))

from restorecolor.workbook import as_printed  # noqa: E402


def is_ours(text: str) -> bool:
    "Is it what the command says, and not a bar or a library's word?"
    return "restorecolor: " in text and "\r" not in text


def tidied(outputs: list) -> list:
    said = [o for o in outputs if o.get("name") != "stderr" or is_ours(o["text"])]
    return as_printed([o for o in said if "application/vnd.jupyter.widget-view+json" not in o.get("data", {})])


for path in map(Path, sys.argv[1:] or sorted((root / "nbs").rglob("*.ipynb"))):
    notebook = nbformat.read(path, as_version=4)
    before = [c.get("outputs") for c in notebook.cells]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = tidied(cell.outputs)
    if before != [c.get("outputs") for c in notebook.cells]:
        nbformat.write(notebook, path)
