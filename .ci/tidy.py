"""Take progress bars and the warnings of one machine out of the notebooks' outputs; join what was printed in pieces."""
import sys
from pathlib import Path

import nbformat

root = Path(__file__).resolve().parent.parent


def is_ours(text: str) -> bool:
    "Is it what the command says, and not a bar or a library's word?"
    return "restorecolor: " in text and "\r" not in text


def tidied(outputs: list) -> list:
    kept = []
    for output in outputs:
        if output.get("name") == "stderr" and not is_ours(output["text"]):
            continue
        last = kept[-1] if kept else {}
        if output.output_type == "stream" and last.get("name") == output.name:
            last["text"] += output["text"]
        else:
            kept.append(output)
    return kept


for path in map(Path, sys.argv[1:] or sorted((root / "nbs").rglob("*.ipynb"))):
    notebook = nbformat.read(path, as_version=4)
    before = [c.get("outputs") for c in notebook.cells]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = tidied(cell.outputs)
    if before != [c.get("outputs") for c in notebook.cells]:
        nbformat.write(notebook, path)
