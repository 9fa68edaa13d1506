"""Word and Excel: the same document without its authors, history, printers, paths, and what it fetches or runs.

A document is an archive of parts. Parts are kept, left out or freed of what they say about people; every part that
refers to one that is left out no longer does.
"""

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from handlers.errors import FileRefused
from handlers.files.pictures import strip_jpeg, strip_png

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_MAIN = {f"{DOCX}.main+xml": DOCX, f"{XLSX}.main+xml": XLSX}
_MOST_PARTS = 2000
_LARGEST = 100 * 1024 * 1024
"""What all parts may unpack to."""
_LARGEST_RATIO = 200
_SMALL = 1024 * 1024
"""A part smaller than this is no bomb, however well it packs."""
_DEEPEST = 2

_TYPES = "[Content_Types].xml"
_RELATIONS = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_O = "urn:schemas-microsoft-com:office:office"

_LEFT_OUT = re.compile(
    r"docProps/|customXml/|_xmlsignatures/|.*printerSettings|.*/thumbnail|.*/people\.xml|.*/persons/|.*threadedComment|"
    r".*/commentsExtended\.xml|.*/commentsIds\.xml|.*/commentsExtensible\.xml|xl/revisions/|xl/connections\.xml|"
    r"xl/queryTables/|xl/externalLinks/|xl/customProperty|xl/model/|xl/calcChain\.xml|.*/webextensions/|.*/documenttasks/|"
    r"word/glossary/|.*/userCustomization/|customUI/|.*\.odttf$|.*/mailMerge|.*/recipientData",
    re.IGNORECASE,
)
_RUNS = re.compile(r".*vbaProject|.*vbaData|.*/activeX/|.*/macrosheets/|.*/dialogsheets/", re.IGNORECASE)
_MEDIA = re.compile(r"(word|xl)/media/[^/]+\.(png|jpe?g)", re.IGNORECASE)
_TEXT = re.compile(r".*\.(xml|rels|vml)$", re.IGNORECASE)
_INSIDE = re.compile(r".*/embeddings/[^/]+\.(xlsx|docx)", re.IGNORECASE)

_SAFE_LINK = re.compile(r"https?://[^\s@]+", re.IGNORECASE)
_NOWHERE = "about:blank"

_ELEMENTS = {
    *("rsids", "rsid", "docId", "attachedTemplate", "mailMerge", "absPath", "fileSharing", "revisionPtr"),
    *("dataBinding", "documentId", "lastEdited", "externalReferences", "webPublishing", "fileRecoveryPr"),
    *("customWorkbookViews", "customSheetViews", "saveThroughXslt", "docVars", "oleSize", "extLst", "embedRegular"),
    *("embedBold", "embedItalic", "embedBoldItalic", "legacyDrawingHF", "customProperties", "queryTableParts"),
    *("creationId", "dialogBase", "webPr", "smartTagPr"),
}
"""Elements that tell of people, machines, or parts that are gone."""
_ATTRIBUTES = {"userName", "lastGuid", "userId", "providerId", "codeName", "dateUtc"}
_EMPTIED = {"author", "initials", "presenceId"}
_NAMED = {"cNvPr", "docPr"}
"""Pictures are named after the file they came from."""
_DATE_OF_CHANGE = re.compile(r"ins|del|moveFrom|moveTo|comment|.*Change|.*RangeStart")


@dataclass
class _Package:
    """An archive's parts, and which are left out."""

    parts: dict[str, bytes]
    renamed: dict[str, str] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)


def clean_office(content: bytes, depth: int = 0) -> tuple[str, bytes]:
    """Media type and bytes of the same document. Raises `FileRefused` for what is none, runs something, carries files
    we cannot clean, or unpacks to far more than it seems."""
    try:
        package = _Package(_unpack(content))
        media_type = _type_of(package)
        _sort_out(package)
        parts = {name: _clean_part(package, name, depth) for name in package.parts if name not in package.left_out}
        return media_type, _pack({package.renamed.get(name, name): part for name, part in parts.items()})
    except (zipfile.BadZipFile, etree.XMLSyntaxError, KeyError, ValueError, NotImplementedError, EOFError, zlib.error):
        raise FileRefused("files.unreadable") from None
    except MemoryError:
        raise FileRefused("files.too_big_inside") from None


def _unpack(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = [one for one in archive.infolist() if not one.is_dir()]
        if any(one.flag_bits & 1 for one in entries):
            raise FileRefused("files.protected")
        if len(entries) > _MOST_PARTS or len({one.filename for one in entries}) != len(entries):
            raise FileRefused("files.too_big_inside")
        if _TYPES not in {one.filename for one in entries}:
            raise FileRefused("files.unknown")  # some other archive
        parts, left = {}, _LARGEST
        for one in entries:
            if one.file_size > max(_SMALL, one.compress_size * _LARGEST_RATIO) or one.file_size > left:
                raise FileRefused("files.too_big_inside")
            with archive.open(one) as part:
                parts[one.filename] = part.read(one.file_size + 1)
            left -= len(parts[one.filename])
            if left < 0:
                raise FileRefused("files.too_big_inside")
        return parts


def _type_of(package: _Package) -> str:
    """Whether it is a Word or Excel document, by what it declares its main part to be."""
    types = _parse(package.parts[_TYPES])
    declared = {str(one.get("ContentType", "")) for one in types}
    if any("macroEnabled" in one or "vbaProject" in one or "ms-excel.sheet.binary" in one for one in declared):
        raise FileRefused("files.macros")
    if any(_RUNS.match(name) for name in package.parts):
        raise FileRefused("files.macros")
    found = {_MAIN[one] for one in declared if one in _MAIN}
    if len(found) != 1:
        raise FileRefused("files.unknown")
    return found.pop()


def _sort_out(package: _Package) -> None:
    """Decide what each part's fate is. Raises `FileRefused` for a part of which we do not know what it may hold."""
    numbers = iter(range(1, _MOST_PARTS + 1))
    for name in package.parts:
        if _LEFT_OUT.match(name):
            package.left_out.add(name)
        elif _MEDIA.fullmatch(name):
            folder, ending = name.split("/")[0], name.rpartition(".")[2].lower()
            package.renamed[name] = f"{folder}/media/picture{next(numbers)}.{ending}"
        elif not _TEXT.match(name) and not _INSIDE.fullmatch(name):
            raise FileRefused("files.embedded")


def _clean_part(package: _Package, name: str, depth: int) -> bytes:
    part = package.parts[name]
    if name in package.renamed:
        return strip_png(part) if part.startswith(b"\x89PNG") else strip_jpeg(part)
    if _INSIDE.fullmatch(name):
        if depth >= _DEEPEST:
            raise FileRefused("files.embedded")
        return clean_office(part, depth + 1)[1]
    root = _parse(part)
    if name == _TYPES:
        _clean_types(package, root)
    elif name.endswith(".rels"):
        _clean_relations(package, name, root)
    else:
        _clean_xml(root, _gone_relations(package, name))
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True))


def _parse(part: bytes) -> Any:
    """The XML of a part, without comments. Nothing is fetched or unfolded."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True, huge_tree=False
    )
    root = etree.fromstring(part, parser)
    if root.getroottree().docinfo.doctype:
        raise FileRefused("files.unreadable")  # no program that writes documents declares entities
    return root


def _clean_types(package: _Package, root: Any) -> None:
    for one in list(root):
        name = str(one.get("PartName", "")).lstrip("/")
        if name in package.left_out:
            root.remove(one)
        elif name in package.renamed:
            one.set("PartName", f"/{package.renamed[name]}")


def _target_of(relations: str, target: str) -> str:
    """The part a relation of ``relations`` ("word/_rels/document.xml.rels") leads to."""
    folder = posixpath.dirname(posixpath.dirname(relations))
    return posixpath.normpath(target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target))


def _is_gone(package: _Package, relations: str, relation: Any) -> bool:
    if relation.get("TargetMode") == "External":
        return False
    target = _target_of(relations, str(relation.get("Target", "")))
    return target in package.left_out or bool(_LEFT_OUT.match(target))


def _clean_relations(package: _Package, name: str, root: Any) -> None:
    for one in list(root.iter(_RELATIONS)):
        target = str(one.get("Target", ""))
        if one.get("TargetMode") == "External":
            is_link = str(one.get("Type", "")).endswith("/hyperlink") and _SAFE_LINK.fullmatch(target)
            one.set("Target", target if is_link else _NOWHERE)
        elif _is_gone(package, name, one):
            one.getparent().remove(one)
        else:
            part = _target_of(name, target)
            if part in package.renamed:
                one.set("Target", f"/{package.renamed[part]}")


def _gone_relations(package: _Package, name: str) -> set[str]:
    """The ids by which a part refers to parts that are left out."""
    folder, _, base = name.rpartition("/")
    relations = posixpath.join(folder, "_rels", f"{base}.rels")
    if relations not in package.parts:
        return set()
    found = _parse(package.parts[relations]).iter(_RELATIONS)
    return {str(one.get("Id")) for one in found if _is_gone(package, relations, one)}


def _clean_xml(root: Any, gone: set[str]) -> None:
    for element in list(root.iter(etree.Element)):
        local = etree.QName(element).localname
        if local in _ELEMENTS and element.getparent() is not None:
            _remove(element)
        else:
            _clean_attributes(element, local, gone)
            if local == "author":
                element.text = ""  # the list of authors of Excel's notes


def _clean_attributes(element: Any, local: str, gone: set[str]) -> None:
    for key, value in list(element.attrib.items()):
        name = etree.QName(key)
        if name.localname in _EMPTIED or (name.localname == "name" and local in _NAMED):
            element.set(key, "")
        elif _tells(name.localname, name.namespace, local) or (name.namespace == _R and value in gone):
            del element.attrib[key]


def _tells(name: str, namespace: str | None, element: str) -> bool:
    """Whether an attribute tells of people, machines or moments, and nothing breaks without it."""
    if name.startswith("rsid") or "revision" in (namespace or "") or name in _ATTRIBUTES:
        return True
    if name in ("descr", "title"):
        return element in _NAMED or namespace == _O
    if name in ("alt", "href"):
        return namespace in (None, _O)
    return name == "date" and _DATE_OF_CHANGE.fullmatch(element) is not None


def _remove(element: Any) -> None:
    """Take an element out and leave the text behind it."""
    parent, before, tail = element.getparent(), element.getprevious(), element.tail
    parent.remove(element)
    if tail:
        if before is not None:
            before.tail = (before.tail or "") + tail
        else:
            parent.text = (parent.text or "") + tail


def _pack(parts: dict[str, bytes]) -> bytes:
    """An archive of which every entry was made at the same moment by nobody."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in _in_order(parts):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 0
            archive.writestr(entry, parts[name])
    return written.getvalue()


def _in_order(names: Iterable[str]) -> list[str]:
    """Word wants to meet the list of types first."""
    return sorted(names, key=lambda name: (name != _TYPES, name))
