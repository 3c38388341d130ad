"""Run the smoke profile, interrupt it in training, go on, and check what it leaves."""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

command = [str(Path(sys.executable).parent / "restorecolor")]
run = Path(tempfile.mkdtemp()) / "smoke"


def start():
    interruptible = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen([*command, "run", "smoke", "--out", str(run)], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, preexec_fn=interruptible, start_new_session=True)


def do(*words, **options):
    "The command, which has to succeed; what it has said, if that was to be captured."
    return subprocess.run([*command, *map(str, words)], text=True, check=True, **options).stdout


def read(process, until=None):
    "Print the process's output; stop after the line that contains `until`."
    lines = []
    for line in process.stdout:
        print(line, end="", flush=True)
        lines.append(line)
        if until and until in line:
            break
    return "".join(lines)


process = start()
read(process, until="fold 0:")
time.sleep(1)
os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C on a terminal does
said = read(process)
assert process.wait(60) == 130, f"exit code {process.returncode} after Ctrl-C, 130 is wanted"
# where it comes while a process is being forked, Python notes that it passed over it; training stops all the same
said = re.sub(r"Exception ignored in: .*?\nKeyboardInterrupt: *\n", "", said, flags=re.DOTALL)
sentence = "goes on from here" in said and "Traceback" not in said
assert sentence, f"Ctrl-C should end in one sentence, not with {said[-3000:]}"

process = start()
said = read(process)
assert process.wait(600) == 0, f"exit code {process.returncode}"
assert "clean: finished before" in said, "the finished stage was run again"
data = next(run.glob("samples_*"))
assert (run / "evaluation/summary.csv").is_file() and (run / "map.jpg").is_file()
do("check", run / "submission/output.zip", "--data", data)
said = do("run", "smoke", "--out", run, capture_output=True)
assert said.count("finished before") == 4, "a finished run should not be run again"
do("restore", data / "test_input", "--weights", run, "--out", run / "again")
assert len(list((run / "again").glob("*.png"))) == 2

parts = run.parent / "parts"  # the recipe of the weights that ship, at its smallest; then its networks at work
profile = run.parent / "parts.yaml"
profile.write_text("stages: [fill, color]\n")
do("run", profile, "--out", parts)
said = do("run", profile, "--out", parts, capture_output=True)
assert said.count("finished before") == 2, "a finished run should not be run again"
photo = next((data / "test_input").iterdir())
do("restore", photo, "--weights", parts, "--gray", "--fill", "expected", "--out", run / "gray")
do("restore", photo, "--saturation", "1.5", "--like", data / "train_gt/TRAIN_00000.png", "--out", run / "like")
assert len(list((run / "gray").glob("*.png"))) == len(list((run / "like").glob("*.png"))) == 1
