"""A headless Chromium in front of Airflow's UI."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

#: Where pictures of the pages are to be written; without it none are.
PICTURES = os.environ.get("PICTURES")
_DESKTOP, _PHONE = (1280, 900), (390, 844)
_PATIENCE = 120.0


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start Chromium; the test is skipped where there is none."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("there is no chromium with chromedriver here: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield Browser(browser)
    finally:
        browser.quit()


class Browser:
    """What a person does with it."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver
        self.resize(_DESKTOP)

    def resize(self, size: tuple[int, int]) -> None:
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == _PHONE}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    @contextmanager
    def phone(self) -> Iterator[None]:
        """Look at the same on a phone."""
        self.resize(_PHONE)
        yield
        self.resize(_DESKTOP)

    def find(self, selector: str, text: str | None = None) -> WebElement:
        """Wait for a visible element, which holds the text."""

        def found(driver: webdriver.Chrome) -> WebElement | None:
            for element in driver.find_elements(By.CSS_SELECTOR, selector):
                if element.is_displayed() and (text is None or text in (element.text or element.get_attribute("value") or "")):
                    return element
            return None

        waiting = WebDriverWait(self.driver, _PATIENCE, ignored_exceptions=[Exception])
        return waiting.until(found, f"no {selector} with {text!r} at {self.driver.current_url}")

    def click(self, selector: str, text: str | None = None) -> None:
        """Wait for it, and click it."""

        def clicked(_: webdriver.Chrome) -> bool:
            element = self.find(selector, text)
            self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
            element.click()
            return True

        WebDriverWait(self.driver, _PATIENCE, ignored_exceptions=[Exception]).until(clicked, f"cannot click {selector} {text!r}")

    def fill(self, selector: str, text: str) -> None:
        """Type in place of what a field holds."""
        field = self.find(selector)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'}); arguments[0].select()", field)
        field.send_keys(text)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Look into the frame in which Airflow shows a page of the plugin."""
        self.driver.switch_to.frame(self.find("iframe"))
        yield
        self.driver.switch_to.default_content()

    def width_is_enough(self) -> bool:
        """Whether the page needs no scrolling to the side."""
        return bool(self.driver.execute_script("return document.documentElement.scrollWidth <= window.innerWidth"))

    def picture(self, name: str) -> None:
        """Write what is seen as ``name.png``, in few colours, where pictures are asked for."""
        if PICTURES:
            image = Image.open(io.BytesIO(self.driver.get_screenshot_as_png())).convert("RGB")
            image.quantize(64, dither=Image.Dither.NONE).save(Path(PICTURES, f"{name}.png"), optimize=True)
