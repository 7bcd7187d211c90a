"""A real browser, the Chromium in Qt's WebEngine, as a process: `browser.py PLAN` prints what it saw as JSON.

PLAN is a JSON object: `pages` (paths), `script` (its value is `facts`), `width`, `height`, `dark`, `pictures` (a
folder for screenshots, and for what is printed as PDF). It fetches nothing, and writes down what a page wants
to fetch.
"""

import json
import os
import sys
from pathlib import Path

PLAN = json.loads(sys.argv[1])
os.environ |= {"QT_QPA_PLATFORM": "offscreen", "QTWEBENGINE_DISABLE_SANDBOX": "1"}
os.environ["QTWEBENGINE_CHROMIUM_FLAGS"] = "--disable-gpu --blink-settings=preferredColorScheme=" + (
    "0" if PLAN["dark"] else "1"
)

try:
    from PyQt6.QtCore import QTimer, QUrl
    from PyQt6.QtWebEngineCore import (
        QWebEnginePage,
        QWebEngineProfile,
        QWebEngineSettings,
        QWebEngineUrlRequestInterceptor,
    )
    from PyQt6.QtWebEngineWidgets import QWebEngineView
    from PyQt6.QtWidgets import QApplication
except ImportError as missing:
    print(json.dumps({"missing": str(missing)}))
    sys.exit()

SETTLED = 400
"""Milliseconds that a page has to be painted."""

ISOLATED = 1
"""The world in which scripts of ours run, apart from the page's, which may run none."""


class Interceptor(QWebEngineUrlRequestInterceptor):
    """Writes down what is fetched, and blocks all but the page itself."""

    def __init__(self, fetched):
        super().__init__()
        self._fetched = fetched

    def interceptRequest(self, info):  # noqa: N802 - Qt's name
        url = info.requestUrl().toString()
        self._fetched.append(url)
        info.block(not url.startswith("file:"))


class Page(QWebEnginePage):
    """Writes down what is said on the console: also of every breach of a content security policy."""

    said: list = []

    def javaScriptConsoleMessage(self, level, message, line, source):  # noqa: N802 - Qt's name
        self.said.append(message)


class Visit:
    """All pages in turn."""

    def __init__(self, app):
        self._app, self._left, self.seen = app, list(PLAN["pages"]), []
        self._fetched = []
        self._interceptor = Interceptor(self._fetched)
        self._profile = QWebEngineProfile()
        self._profile.setUrlRequestInterceptor(self._interceptor)
        self._page = Page(self._profile)
        self._view = QWebEngineView()
        # An attempt should reach the interceptor.
        remote = QWebEngineSettings.WebAttribute.LocalContentCanAccessRemoteUrls
        self._page.settings().setAttribute(remote, True)  # noqa: FBT003 - Qt knows no names
        self._view.setPage(self._page)
        self._view.resize(PLAN["width"], PLAN["height"])
        self._view.loadFinished.connect(self._loaded)
        self._page.pdfPrintingFinished.connect(self._printed)
        self._view.show()
        self._next()

    def _next(self):
        if not self._left:
            self._app.quit()
            return
        self._fetched.clear()
        Page.said = []
        self._path = Path(self._left.pop(0))
        self._view.load(QUrl.fromLocalFile(str(self._path)))

    def _loaded(self, is_fine):
        self._is_fine = is_fine
        QTimer.singleShot(SETTLED, lambda: self._page.runJavaScript(PLAN["script"], ISOLATED, self._told))

    def _told(self, facts):
        name = f"{self._path.name}-{'dark' if PLAN['dark'] else 'light'}"
        picture = self._view.grab().toImage()
        corner = picture.pixelColor(3, picture.height() // 2)
        if PLAN["pictures"]:
            picture.save(str(Path(PLAN["pictures"]) / f"{name}.png"))
        self.seen.append(
            {
                "page": str(self._path),
                "loaded": self._is_fine,
                "fetched": list(self._fetched),
                "said": Page.said,
                "background": [corner.red(), corner.green(), corner.blue()],
                "facts": facts,
            }
        )
        self._pdf = Path(PLAN["pictures"] or ".") / f"{name}.pdf"
        if PLAN["pictures"]:
            self._page.printToPdf(str(self._pdf))
        else:
            self._next()

    def _printed(self, path, is_fine):
        self.seen[-1]["printed"] = is_fine
        self._next()


def main():
    app = QApplication(sys.argv[:1])
    visit = Visit(app)
    QTimer.singleShot(90_000, app.quit)
    app.exec()
    print(json.dumps({"pages": visit.seen}))
    sys.stdout.flush()
    os._exit(0)  # Qt tears its threads down in its own time


if __name__ == "__main__":
    main()
