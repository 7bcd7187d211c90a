"""A solved and verified spec as one page of HTML."""

from chainprice.report.pages.page import Dossier, page_html

__all__ = ["Dossier", "page_html"]
