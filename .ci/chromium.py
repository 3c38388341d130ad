"""A browser for the gates that want one."""
import os
import shutil
import subprocess
import sys


def chromium(playwright) -> str:
    "A Chromium of this system, or the one that `playwright install chromium` has fetched; installed where it can be."
    names = ("chromium", "google-chrome", "chromium-browser")
    own = playwright.chromium.executable_path
    found = [path for path in map(shutil.which, names) if path] + [own] * os.path.exists(own)
    if not found and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        print("no Chromium is here; it is installed by apt-get", flush=True)
        for words in (["update"], ["install", "-y", "chromium"]):
            subprocess.run(["apt-get", "-qq", *words], stdout=subprocess.DEVNULL)
        found = [path for path in map(shutil.which, names) if path]
    if not found:
        sys.exit("no Chromium or Chrome was found for the browser test: `playwright install chromium` fetches one")
    return found[0]


def launch(playwright):
    "That browser, started."
    sandbox = [] if os.name == "nt" else ["--no-sandbox"]
    return playwright.chromium.launch(executable_path=chromium(playwright), args=sandbox)
