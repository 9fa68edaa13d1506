"""A citation as it is spoken: "khoản 1 Điều 139 Bộ luật Lao động 2019"."""

from __future__ import annotations

from knowledge.entry import Citation, Library
from knowledge.texts import t


def cite(citation: Citation, library: Library) -> str:
    """The place and the name of the document; its number when we do not know the document."""
    source = library.sources.get(citation.source)
    name = source.name if source else citation.source
    if citation.article is None:
        return name
    values = {"article": citation.article, "clause": citation.clause, "point": citation.point, "name": name}
    if citation.point:
        return t("knowledge.citation.point" if citation.clause else "knowledge.citation.point_article", **values)
    return t("knowledge.citation.clause" if citation.clause else "knowledge.citation.article", **values)
