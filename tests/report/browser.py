"""A page in a real browser: what it requests, complains of, and where its text and figures are."""

from typing import Any

OPEN_DETAILS = "document.querySelectorAll('details').forEach(each => each.open = true)"
WIDTH = "document.documentElement.scrollWidth"
SIZES = """[...document.querySelectorAll("svg.drawing, .figure img, .figure table")].map(each => {
    const box = each.getBoundingClientRect(); return [box.width, box.height]})"""
TEXT_OUTSIDE_ITS_DRAWING = """[...document.querySelectorAll("svg.drawing")].flatMap(svg => {
    const box = svg.getBoundingClientRect();
    return [...svg.querySelectorAll("text")].filter(each => {
        const own = each.getBoundingClientRect();
        return own.left < box.left - 2 || own.right > box.right + 2
            || own.top < box.top - 2 || own.bottom > box.bottom + 2;
    }).map(each => each.textContent)})"""
OUTSIDE_THE_PAGE = """[...document.querySelectorAll("main *")].filter(each =>
    !each.closest(".scroll, svg") && each.getBoundingClientRect().right > innerWidth + 0.5
).map(each => each.outerHTML.slice(0, 80))"""


class Visit:
    """An open page, with its requests and complaints."""

    def __init__(self, browser: Any, address: str, width: int = 1280, **context: Any) -> None:
        viewport = {"width": width, "height": 800}
        self.address, self.width = address, width
        self.context = browser.new_context(viewport=viewport, **context)
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.route("**/*", self._allow_only_the_page)
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(address)
        self.page.wait_for_load_state("load")

    def _allow_only_the_page(self, route: Any) -> None:
        url = route.request.url
        if not url.startswith("data:"):
            self.requests.append(url)
        if url == self.address or url.startswith("data:"):
            route.continue_()
        else:
            route.abort()

    def check_layout(self) -> list[list[float]]:
        """Nothing is requested or outside its place; returns the sizes of figures."""
        assert self.requests == [self.address]
        assert self.complaints == []
        self.page.evaluate(OPEN_DETAILS)
        assert self.page.evaluate(WIDTH) == self.width
        assert self.page.evaluate(OUTSIDE_THE_PAGE) == []
        assert self.page.evaluate(TEXT_OUTSIDE_ITS_DRAWING) == []
        sizes: list[list[float]] = self.page.evaluate(SIZES)
        assert all(across > 60 and down > 40 for across, down in sizes)
        return sizes
