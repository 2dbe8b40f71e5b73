"""The report in a real browser: accessible, safe, usable by keyboard, and readable with nothing on."""

import re

import pytest

from chaoskit.reporters import html
from tests.browser.webdriver import serve
from tests.unit.test_report_html import PAYLOADS, poisoned_run

pytestmark = pytest.mark.browser

JENKINS = {
    "Content-Security-Policy": "sandbox; default-src 'none'; img-src 'self'; style-src 'self'"
}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RIGHT, LEFT, ESCAPE, END = "\ue014", "\ue012", "\ue00c", "\ue010"

ASK_AXE = """
const [rules, done] = arguments;
axe.run(document, { runOnly: { type: 'tag', values: rules }, resultTypes: ['violations'] })
  .then(found => done(found.violations.map(one => ({
    id: one.id, help: one.help, nodes: one.nodes.slice(0, 3).map(node => node.html.slice(0, 300)),
    count: one.nodes.length, checked: found.passes.length }))), error => done(String(error)));
"""
OPEN_ALL = "document.querySelectorAll('details').forEach(one => { one.open = true; });"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_of_wcag_is_broken(page, small_report, axe, scheme):
    page.emulate(scheme=scheme)
    page.open(small_report.as_uri())
    page.run(OPEN_ALL)
    page.run(axe)

    assert page.run_async(ASK_AXE, RULES) == []


def test_the_check_can_fail(page, small_report, axe):
    page.open(small_report.as_uri())
    page.run("document.querySelector('h1').style.color = '#bbbbbb';")
    page.run(axe)

    assert [one["id"] for one in page.run_async(ASK_AXE, RULES)] == ["color-contrast"]


def test_its_own_policy_lets_its_style_and_script_through(page, report):
    page.open(report.as_uri())

    assert page.complaints() == []
    assert page.run("return getComputedStyle(document.querySelector('h1')).fontWeight") == "650"
    assert page.run("return document.querySelectorAll('.filter input').length") == 1


def test_its_own_policy_stops_what_is_not_its_own(page):
    page.run(
        "const one = document.createElement('script'); one.textContent = 'window.taken = 1';"
        "document.body.append(one);"
    )

    assert page.run("return window.taken") is None
    assert any("Content Security Policy" in one for one in page.complaints())


def test_it_reads_under_the_header_of_jenkins_without_style_and_script(chromium, report):
    with serve({"/report": report.read_text(encoding="utf-8")}, JENKINS) as address:
        chromium.resize(1280)
        chromium.open(f"{address}/report")
        tree = chromium.command("Accessibility.getFullAXTree")["nodes"]
        chromium.complaints()
        chromium.open("about:blank")
    said = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree
        if not node["ignored"] and "role" in node
    ]
    headings = [name for role, name in said if role == "heading"]

    assert any("We cannot tell in 1 of 4 experiments" in one for one in headings)
    assert "What to do next" in headings
    assert any(
        role == "image" and re.match(r"Trial \d of A crashed proxy", name) for role, name in said
    )
    assert any(role == "rowheader" and "Recovery" in name for role, name in said)
    assert not any(role == "searchbox" for role, _ in said)  # so the script really was blocked


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_text_of_others_runs_or_leaves(chromium, tmp_path, payload):
    made = poisoned_run(payload, tmp_path / "web.log")
    path = tmp_path / "report.html"
    path.write_text(html.render(made.journal, made.timeline_of, made.logs_of), encoding="utf-8")
    chromium.open(path.as_uri())

    assert chromium.dialog() is None
    assert chromium.complaints() == []
    assert chromium.run("return performance.getEntriesByType('resource').length") == 0
    assert chromium.run("return document.images.length") == 0
    assert chromium.run("return document.querySelectorAll('[onload], [onerror]').length") == 0


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_the_page_never_scrolls_sideways(page, width):
    page.resize(width)
    page.run(OPEN_ALL)
    wide = page.run(
        "return Array.from(document.querySelectorAll('main *')).filter(one => !one.closest('.scroll, "
        ".drawing, pre, .sr') && one.getBoundingClientRect().right > innerWidth + 1)"
        ".slice(0, 5).map(one => one.outerHTML.slice(0, 200))"
    )

    assert wide == []
    assert page.run("return document.documentElement.scrollWidth") <= width


def test_the_table_is_filtered_by_words_and_by_result(page):
    def shown():
        return page.run(
            "return Array.from(document.querySelectorAll('#table tbody tr')).filter(r => !r.hidden).length"
        )

    everything = shown()
    page.run("document.querySelector('.filter input').focus();")
    page.press(*"crashed proxy")
    by_words = shown()
    sections = page.run(
        "return document.querySelectorAll('section.experiment:not([hidden])').length"
    )
    page.press(ESCAPE)
    page.run(
        "Array.from(document.querySelectorAll('.filter button')).find(b => b.textContent == 'inconclusive').click();"
    )

    assert (everything, by_words, sections) == (4, 1, 1)
    assert shown() == 1
    assert page.run(
        "return document.querySelector('.filter [role=status]').textContent"
    ).startswith("1 of 4")


def test_a_link_to_what_is_filtered_out_shows_it(page):
    page.run("document.querySelector('.filter input').focus();")
    page.press(*"hangs")
    hidden = page.run("return document.getElementById('e1').hidden")
    page.run("location.hash = '#e1-t2';")
    shown = page.run_async(
        "const done = arguments[0]; let left = 100;"
        "(function look() { if (!document.getElementById('e1').hidden || !left--)"
        " done(!document.getElementById('e1').hidden); else setTimeout(look, 50); })();"
    )

    assert hidden
    assert shown
    assert page.run("return document.querySelector('.filter input').value") == ""


def test_a_drawing_answers_to_the_keyboard(page):
    box = "document.querySelector('#e1 details.trial[open] .drawing')"
    page.run(f"{box}.focus();")
    page.press(RIGHT)
    first = page.run(f"return {box}.nextElementSibling.textContent")
    page.press(RIGHT)
    second = page.run(f"return {box}.nextElementSibling.textContent")
    page.press("+")
    zoomed = page.run(f"return {box}.querySelector('svg').hasAttribute('data-zoomed')")
    page.press(ESCAPE)

    assert re.match(r"[+−]\d+\.\d{3} s: of \d+ asks from .*, \d+ failed; median .*, p99 ", first)
    assert first != second
    assert zoomed
    assert not page.run(f"return {box}.querySelector('svg').hasAttribute('data-zoomed')")


def test_dragging_zooms_and_no_failed_ask_is_lost(page):
    box = "document.querySelector('#e1 details.trial[open] .drawing')"
    page.run(f"{box}.scrollIntoView({{block: 'center'}});")
    x, y, width = page.run(
        f"const at = {box}.querySelector('svg').getBoundingClientRect();"
        "return [at.left, at.top + at.height / 2, at.width];"
    )
    before = page.run(f"return {box}.querySelectorAll('[data-failed]').length")
    page.drag((x + 0.3 * width, y), (x + 0.5 * width, y))

    assert page.run(f"return {box}.querySelector('svg').hasAttribute('data-zoomed')")
    assert page.run(f"return {box}.querySelectorAll('[data-failed]').length") == before
    assert page.run(f"return {box}.querySelectorAll('g.axis text').length") >= 3
    assert page.run(
        f"return new Set(Array.from({box}.querySelectorAll('g.axis text'), t => t.textContent)).size"
        f" == {box}.querySelectorAll('g.axis text').length"
    )


def test_a_link_to_a_trial_opens_it(page):
    page.run("document.querySelector('a[href=\"#e1-t3\"]').click();")
    deadline_passed = page.run_async(
        "const done = arguments[0]; let left = 100;"
        "(function look() { const one = document.getElementById('e1-t3').closest('details');"
        "if (one.open || !left--) done(!one.open); else setTimeout(look, 50); })();"
    )

    assert not deadline_passed


def test_everything_can_be_reached_by_keyboard_and_is_seen_to_have_the_focus(page):
    outlines = page.run(
        "return Array.from(document.querySelectorAll('a, button, input, summary, [tabindex=\"0\"]'))"
        ".filter(one => one.checkVisibility()).slice(0, 40)"
        ".map(one => { one.focus({focusVisible: true}); return document.activeElement === one &&"
        " getComputedStyle(one).outlineStyle; })"
    )

    assert set(outlines) == {"solid"}


def test_paper_shows_every_trial_and_no_controls(page, tmp_path):
    page.emulate(media="print", scheme="dark")
    colours = page.run(
        "return [getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    controls = page.run("return getComputedStyle(document.querySelector('.filter')).display")
    page.pdf(tmp_path / "report.pdf")
    page.emulate()

    assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    assert controls == "none"
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
