"""A headless chromium, driven by selenium, without a network: Debian's packages, or none."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

SHOTS = Path(__file__).parents[2] / "build" / "screenshots"
# pairs of boxes that overlap, and whatever sticks out of the page
OVERLAPS = """
const found = [];
const all = [...document.querySelectorAll(arguments[0])].filter((e) => e.checkVisibility());
const boxes = all.map((e) => [e, e.getBoundingClientRect()]);
for (const [i, [a, r]] of boxes.entries()) for (const [b, s] of boxes.slice(i + 1)) {
  if (a.contains(b) || b.contains(a)) continue;
  const x = Math.min(r.right, s.right) - Math.max(r.left, s.left);
  const y = Math.min(r.bottom, s.bottom) - Math.max(r.top, s.top);
  if (x > 1 && y > 1) found.push(`${a.tagName} ${a.textContent} / ${b.tagName} ${b.textContent}`);
}
return found;
"""


def start():
    """A driver; skips where there is no chromium, no chromedriver or no selenium."""
    selenium = pytest.importorskip("selenium", reason="selenium is not installed")
    binary = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("no chromium: apt-get install chromium chromium-driver")
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    assert selenium
    options = ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    options.add_argument("--disable-dev-shm-usage")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return Chrome(options=options, service=Service(driver))


def open_page(driver, path: Path, *, width: int, dark: bool = False) -> None:
    """Show a file in a window of a width, for a reader with a preference."""
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    driver.get(path.resolve().as_uri())


def complaints(driver) -> Sequence[str]:
    """What the console has said since it was last asked."""
    return [entry["message"] for entry in driver.get_log("browser")]


def keep_picture(driver, name: str) -> Path:
    """The whole page as a PNG under build/screenshots."""
    import base64

    SHOTS.mkdir(parents=True, exist_ok=True)
    shot = driver.execute_cdp_cmd(
        "Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True}
    )
    path = SHOTS / f"{name}.png"
    path.write_bytes(base64.b64decode(shot["data"]))
    return path
