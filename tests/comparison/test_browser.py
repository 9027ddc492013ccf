"""The page in a real browser: it sorts, filters, answers to hover and keys, and fits its window.

Pictures of it are kept in build/screenshots.
"""

import pytest

from fpncompiler.cli import main
from tests.comparison import browser
from tests.conftest import ROOT

SPECS = ("fpn", "panet", "bifpn", "nas_fpn", "repeated_fpn_panet")
NAMES = "return [...document.querySelectorAll('#table tbody tr')].filter((r) => !r.hidden)"
NAMES += ".map((r) => r.cells[0].dataset.value + ' ' + r.cells[1].dataset.value)"
TIP = "const t = document.getElementById('tip'); return t.hidden ? '' : t.innerText"
BACKGROUND = "return getComputedStyle(document.body).backgroundColor"
DRAWN = "return getComputedStyle(document.querySelector('figure rect')).fill"
ON_TOP_OF_EACH_OTHER = "h1, h2, header p, header button, #filter > *, .controls > *, .hint,"
ON_TOP_OF_EACH_OTHER += " .scroller, #chart, #legend > span, figcaption, #phis label, #phis legend"


@pytest.fixture(scope="module")
def driver():
    found = browser.start()
    yield found
    found.quit()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    page = tmp_path_factory.mktemp("page") / "page.html"
    specs = [str(ROOT / f"specs/{name}.yaml") for name in SPECS]
    assert main(["compare", *specs, "--phi", "0..3", "--html", str(page)]) == 0
    return page


@pytest.fixture
def page(driver, path):
    """The page in a window of 1,440 px, which must not have complained in the end."""
    browser.open_page(driver, path, width=1440)
    yield driver
    assert browser.complaints(driver) == []


def press(driver, *keys):
    from selenium.webdriver import ActionChains

    ActionChains(driver).send_keys(*keys).perform()


def head(driver, key):
    return driver.find_element("css selector", f"th[data-key={key}]")


def test_a_click_sorts_and_another_turns_it_around(page):
    first = page.execute_script(NAMES)
    assert first[:2] == ["fpn 0", "panet 0"]
    assert head(page, "network_macs").get_attribute("aria-sort") == "none"
    head(page, "network_macs").find_element("tag name", "button").click()
    ascending = page.execute_script(NAMES)
    assert head(page, "network_macs").get_attribute("aria-sort") == "ascending"
    assert ascending[0] == "fpn 0"
    assert ascending[-1] == "nas_fpn 3"
    head(page, "network_macs").find_element("tag name", "button").click()
    assert head(page, "network_macs").get_attribute("aria-sort") == "descending"
    assert page.execute_script(NAMES)[0] == "nas_fpn 3"
    head(page, "topology").find_element("tag name", "button").click()
    assert head(page, "network_macs").get_attribute("aria-sort") == "none"
    assert page.execute_script(NAMES)[:4] == [f"bifpn {phi}" for phi in range(4)]
    assert sorted(page.execute_script(NAMES)) == sorted(first)


def test_keys_sort_as_clicks_do(page):
    from selenium.webdriver.common.keys import Keys

    button = head(page, "network_parameters").find_element("tag name", "button")
    page.execute_script("arguments[0].focus()", button)
    press(page, Keys.ENTER)
    assert head(page, "network_parameters").get_attribute("aria-sort") == "ascending"
    press(page, Keys.SPACE)
    assert head(page, "network_parameters").get_attribute("aria-sort") == "descending"
    assert page.execute_script(NAMES)[0] == "nas_fpn 3"


def test_text_and_phi_filter_rows_marks_and_drawings(page):
    page.find_element("id", "words").send_keys("PANET")
    assert page.execute_script(NAMES) == [
        f"{name} {phi}" for phi in range(4) for name in ("panet", "repeated_fpn_panet")
    ]
    for phi in (0, 2):
        page.find_element("css selector", f"#phis input[value='{phi}']").click()
    assert [name.split()[1] for name in page.execute_script(NAMES)] == ["1", "1", "3", "3"]
    assert page.find_element("id", "count").text == "4 of 20 rows"
    assert len(page.find_elements("css selector", "#chart .mark")) == 4
    figures = page.find_elements("css selector", "figure")
    shown = [each.get_attribute("data-topology") for each in figures if each.is_displayed()]
    assert shown == ["panet", "repeated_fpn_panet"]
    page.find_element("id", "words").send_keys(" nothing of this name")
    assert page.execute_script(NAMES) == []
    assert "no row to show" in page.find_element("id", "chart").text


def test_a_mark_answers_to_hover(page):
    from selenium.webdriver import ActionChains

    marks = page.find_elements("css selector", "#chart .mark")
    assert len(marks) == 20
    assert page.execute_script(TIP) == ""
    bifpn = next(m for m in marks if "bifpn, phi 2" in m.get_attribute("aria-label"))
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", bifpn)
    ActionChains(page).move_to_element(bifpn).perform()
    told = page.execute_script(TIP)
    assert "bifpn, phi 2" in told
    assert "network parameters: 708.2 k" in told
    assert "network MACs: 1.216 G" in told
    browser.keep_picture(page, "hover")
    ActionChains(page).move_to_element(page.find_element("tag name", "h1")).perform()
    assert page.execute_script(TIP) == ""


def test_marks_at_one_place_are_told_together(page):
    marks = page.find_elements("css selector", "#chart .mark")
    label = next(text for m in marks if "panet, phi 1" in (text := m.get_attribute("aria-label")))
    assert "panet, phi 1, repeated_fpn_panet, phi 1" in label  # the same network


def test_arrow_keys_go_from_mark_to_mark(page):
    from selenium.webdriver.common.keys import Keys

    stops = page.find_elements("css selector", "#chart .mark[tabindex='0']")
    assert len(stops) == 1
    page.execute_script("document.getElementById('log').focus()")
    press(page, Keys.TAB)
    first = page.execute_script(TIP)
    assert "fpn, phi 0" in first
    press(page, Keys.ARROW_RIGHT)
    second = page.execute_script(TIP)
    assert second not in ("", first)
    press(page, Keys.ARROW_LEFT)
    assert page.execute_script(TIP) == first
    press(page, Keys.END)
    assert "nas_fpn, phi 3" in page.execute_script(TIP)
    press(page, Keys.ESCAPE)
    assert page.execute_script(TIP) == ""


def test_axes_are_chosen(page):
    from selenium.webdriver.support.select import Select

    places = (
        "return [...document.querySelectorAll('.mark')].map((m) => m.getAttribute('transform'))"
    )
    before = page.execute_script(places)
    Select(page.find_element("id", "y")).select_by_value("peak_memory_bytes")
    assert "peak memory of the network" in page.find_element("id", "chart").text
    middle = page.execute_script(places)
    assert middle != before
    page.find_element("id", "log").click()
    assert page.execute_script(places) != middle
    assert not [place for place in page.execute_script(places) if "NaN" in place]


@pytest.mark.parametrize("dark", [False, True])
def test_the_theme_is_the_readers_until_the_button_is_pressed(driver, path, dark):
    browser.open_page(driver, path, width=1440, dark=dark)
    own = driver.execute_script(BACKGROUND), driver.execute_script(DRAWN)
    button = driver.find_element("id", "theme")
    assert button.text == ("light mode" if dark else "dark mode")
    button.click()
    other = driver.execute_script(BACKGROUND), driver.execute_script(DRAWN)
    assert own[0] != other[0]
    assert own[1] != other[1]  # the drawings go along
    assert button.text == ("dark mode" if dark else "light mode")
    button.click()
    assert (driver.execute_script(BACKGROUND), driver.execute_script(DRAWN)) == own
    assert browser.complaints(driver) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1440])
def test_nothing_overlaps_or_sticks_out(driver, path, width, dark):
    browser.open_page(driver, path, width=width, dark=dark)
    browser.keep_picture(driver, f"{width}_{'dark' if dark else 'light'}")
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    assert driver.execute_script(browser.OVERLAPS, ON_TOP_OF_EACH_OTHER) == []
    assert driver.execute_script(browser.OVERLAPS, "#chart text") == []
    assert driver.execute_script(browser.OVERLAPS, "#table thead th") == []
    assert browser.complaints(driver) == []


def test_an_overlap_would_be_found(page):
    shift = "document.querySelector('#costs').style.marginTop = '-60px'"
    page.execute_script(shift)
    assert page.execute_script(browser.OVERLAPS, ON_TOP_OF_EACH_OTHER) != []


def test_the_tip_stays_within_a_narrow_window(driver, path):
    browser.open_page(driver, path, width=360)
    for mark in driver.find_elements("css selector", "#chart .mark"):
        driver.execute_script("arguments[0].focus()", mark)
        left, right = driver.execute_script(
            "const r = document.getElementById('tip').getBoundingClientRect();"
            "return [r.left, r.right]"
        )
        assert 0 <= left < right <= 360


def test_without_a_script_the_table_is_plain(driver, path):
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.open_page(driver, path, width=1440)
        assert driver.find_element("id", "table").is_displayed()
        assert "nas_fpn" in driver.find_element("id", "table").text
        for part in ("theme", "filter", "plot"):
            assert not driver.find_element("id", part).is_displayed()
        browser.keep_picture(driver, "without_script")
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_a_strangers_script_does_not_run(driver, tmp_path):
    text = (ROOT / "specs/fpn.yaml").read_text()
    title = "</script><script>document.title='taken'</script><img src=x onerror=alert(1)>"
    spec = tmp_path / "mine.yaml"
    spec.write_text(text.replace("title: FPN", f'title: "{title}"'))
    page = tmp_path / "page.html"
    assert main(["compare", str(spec), "--html", str(page)]) == 0
    browser.open_page(driver, page, width=1440)
    assert driver.title == "Feature networks compared"
    assert title in driver.find_element("tag name", "figcaption").text
    assert browser.complaints(driver) == []
