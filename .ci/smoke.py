"""Run the smoke profile, interrupt it in training, go on, and check what it leaves."""
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

command = [str(Path(sys.executable).parent / "restorecolor")]
run = Path(tempfile.mkdtemp()) / "smoke"


def start():
    return subprocess.Popen([*command, "run", "smoke", "--out", str(run)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler), start_new_session=True)


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
assert "goes on from here" in said and "Traceback" not in said, f"Ctrl-C should end in one sentence, not with {said[-3000:]}"

process = start()
said = read(process)
assert process.wait(600) == 0, f"exit code {process.returncode}"
assert "clean: finished before" in said, "the finished stage was run again"
data = next(run.glob("samples_*"))
assert (run / "evaluation/summary.csv").is_file() and (run / "map.jpg").is_file()
subprocess.run([*command, "check", str(run / "submission/output.zip"), "--data", str(data)], check=True)
said = subprocess.run([*command, "run", "smoke", "--out", str(run)], capture_output=True, text=True, check=True).stdout
assert said.count("finished before") == 4, "a finished run should not be run again"
subprocess.run([*command, "restore", str(data / "test_input"), "--weights", str(run), "--out", str(run / "again")], check=True)
assert len(list((run / "again").glob("*.png"))) == 2

parts = run.parent / "parts"  # the recipe of the weights that ship, at its smallest; then its networks at work
profile = run.parent / "parts.yaml"
profile.write_text("stages: [fill, color]\n")
subprocess.run([*command, "run", str(profile), "--out", str(parts)], check=True)
said = subprocess.run([*command, "run", str(profile), "--out", str(parts)], capture_output=True, text=True, check=True).stdout
assert said.count("finished before") == 2, "a finished run should not be run again"
photo = next((data / "test_input").iterdir())
subprocess.run([*command, "restore", str(photo), "--weights", str(parts), "--gray", "--fill", "expected", "--out", str(run / "gray")], check=True)
subprocess.run([*command, "restore", str(photo), "--saturation", "1.5", "--like", str(data / "train_gt/TRAIN_00000.png"), "--out", str(run / "like")], check=True)
assert len(list((run / "gray").glob("*.png"))) == len(list((run / "like").glob("*.png"))) == 1
