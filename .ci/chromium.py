"""A browser for the gates that want one."""
import os
import shutil
import subprocess
import sys


def _playwright_own() -> list[str]:
    "The Chromium that `playwright install chromium` has fetched, if it has."
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return [path] if os.path.exists(path) else []


def chromium() -> str:
    "A Chromium of this system; installed where that is possible."
    names = ("chromium", "google-chrome", "chromium-browser")
    found = [path for path in map(shutil.which, names) if path] or _playwright_own()
    if not found and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        print("no Chromium is here; it is installed by apt-get", flush=True)
        subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], stdout=subprocess.DEVNULL)
        found = [path for path in map(shutil.which, names) if path]
    if not found:
        sys.exit("no Chromium or Chrome was found for the browser test: `playwright install chromium` fetches one")
    return found[0]
