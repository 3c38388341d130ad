"""Make the executed examples of the four runs, nbs/studies/run_*.ipynb, by a run of the profile `demo`, made smaller.

.ci/examples.py [FOLDER]: the run's folder; a run that is there already goes on, or is taken as it is."""
import subprocess
import sys
from pathlib import Path

import nbformat

root = Path(__file__).resolve().parent.parent
PROFILE = "demo"
SMALLER = ["data_crops=4", "epochs=3", "eval_photos=8"]
STAGES = ["clean", "train", "evaluate", "submit"]
LIMIT = 500_000  # bytes
words = ["run", PROFILE]
for setting in SMALLER:
    words += ["--set", setting]


def opening(stage: str) -> list:
    "What stands before an executed notebook: what it is, how it was made, and what comes next."
    number = STAGES.index(stage)
    after = STAGES[number + 1] if number + 1 < len(STAGES) else ""
    lead = f"next: [{after.capitalize()}, executed](run_{after}.ipynb)" if after else "the last of the four"
    title = f"# {stage.capitalize()}, executed\n\n> What run {number + 1} of 4 shows and leaves.\n\n- skip_exec: true"
    typed = " ".join(["restorecolor", *words])
    made = (f"*[The book](../index.ipynb) · [the notebook, before the run](../runs/{stage}.ipynb) · {lead}*\n\n"
            f"papermill wrote this: `nbs/runs/{stage}.ipynb`, executed on sample photographs by\n\n"
            f"```sh\n{typed}\n```\n\n"
            f"with the values of the profile [{PROFILE}](../../restorecolor/profiles/{PROFILE}.yaml) and those behind "
            "`--set`; they are in the second cell of parameters. It shows every stage at work; so few photographs and "
            "steps cannot teach a network the colours of the world. `python .ci/examples.py` makes it anew.")
    texts = {f"{stage}-title": title, f"{stage}-made": made}
    return [nbformat.v4.new_markdown_cell(text, id=name) for name, text in texts.items()]


def told_elsewhere(text: str, folder: Path) -> str:
    "A text without the paths of this machine."
    return text.replace(str(folder), f"outputs/{PROFILE}").replace(f"{root}/", "")


def example(stage: str, folder: Path) -> nbformat.NotebookNode:
    "An executed notebook as a study."
    text = (folder / f"{stage}.ipynb").read_text(encoding="utf-8")
    notebook = nbformat.reads(told_elsewhere(text, folder), as_version=4)
    first = notebook.cells[0]
    first.source = f"#{first.source}"  # its title is a heading below ours
    notebook.cells[:0] = opening(stage)
    return notebook


folder = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else root / "outputs" / "examples"
command = Path(sys.executable).parent / "restorecolor"
subprocess.run([str(command), *words, "--out", str(folder)], check=True)
for stage in STAGES:
    path = root / "nbs" / "studies" / f"run_{stage}.ipynb"
    nbformat.write(example(stage, folder), path)
    subprocess.run([sys.executable, str(root / ".ci" / "tidy.py"), str(path)], check=True)
    subprocess.run([str(command.with_name("nbdev_clean")), "--fname", str(path)], check=True)
    size = path.stat().st_size
    if size > LIMIT:
        sys.exit(f"{path} has {size} bytes; at most {LIMIT} are wanted")
    print(f"{path.relative_to(root)}: {size} bytes")
