"""Minimum wage by place, on the annex as it is in force."""

from datetime import date
from pathlib import Path

import pytest

from knowledge.entry import CONTENT, Library
from knowledge.load import load_library
from knowledge.places import Places, index_annex, load_places

TODAY = date(2026, 11, 21)


@pytest.fixture(scope="module")
def places() -> Places:
    found = load_places(load_library())
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lương tối thiểu ở Đông Anh", ["Đông Anh", "Hà Nội", "Vùng I*"]),
        ("luong toi thieu o dong anh", ["Đông Anh", "Hà Nội", "Vùng I*"]),
        ("luong toi thieu phu quoc", ["đặc khu Phú Quốc", "Vùng II*"]),
        ("ltt phường tân an tây ninh", ["phường Tân An, Tỉnh Tây Ninh", "Vùng I*"]),
        ("lương tối thiểu tphcm phường thủ đức", ["phường Thủ Đức", "Vùng I*"]),
    ],
)
def test_a_place_has_its_region(places: Places, text: str, said: list[str]) -> None:
    """With and without marks, with the province where it is needed."""
    found = places.find(text, TODAY)
    assert found is not None
    assert found.clear
    for part in said:
        assert part in found.text


def test_a_name_that_several_places_have_is_asked_back(places: Places) -> None:
    """Every place of that name is listed with its province."""
    found = places.find("lương tối thiểu phường Tân An", TODAY)
    assert found is not None
    assert not found.clear
    assert "Tây Ninh" in found.text
    assert "Cần Thơ" in found.text


def test_a_province_shows_its_regions(places: Places) -> None:
    """A province alone is not enough, and the communes not named in the annex have a region too."""
    found = places.find("lương tối thiểu ở Hà Nội", TODAY)
    assert found is not None
    assert "Vùng I:" in found.text
    assert "Vùng II" in found.text


@pytest.mark.parametrize(
    "text", ["lương tối thiểu vùng", "lương tối thiểu vùng 4 là bao nhiêu", "ở Đông Anh nghỉ lễ mấy ngày", ""]
)
def test_other_questions_name_no_place(places: Places, text: str) -> None:
    """Only the minimum wage depends on the place."""
    assert places.find(text, TODAY) is None


def test_the_annex_says_nothing_about_earlier_days(places: Places) -> None:
    """Before it is in force the list of communes was another one."""
    assert places.find("lương tối thiểu ở Đông Anh", date(2025, 12, 31)) is None


def test_kinds_of_place_run_on_until_the_next(tmp_path: Path) -> None:
    """ "các phường A, B và xã C, D": two wards and two communes; the rest of the province has a region of its own."""
    file = tmp_path / "annex.json"
    file.write_text(
        '[{"province": "Tỉnh Mẫu", "effective_from": "2026-01-01", "regions": '
        '{"III": "các phường Một, Hai 1 và xã Ba - Bốn,'
        ' Năm; đặc khu Sáu.", "IV": "các xã, phường và đặc khu còn lại."}}]',
        encoding="utf-8",
    )
    found = index_annex(file)["provinces"]["Tỉnh Mẫu"]
    assert found["rest"] == "IV"
    assert list(found["places"]) == ["phường Một", "phường Hai 1", "xã Ba - Bốn", "xã Năm", "đặc khu Sáu"]


def test_every_place_has_one_region(places: Places) -> None:
    """No commune of a province stands in two regions; all 34 provinces are there."""
    named = [(place.province, place.name) for place in places.annex.places]
    assert len(named) == len(set(named))
    assert len(places.annex.rest) == 34
    assert all(places.annex.rest.values()), CONTENT


def test_without_an_annex_there_are_no_places(tmp_path: Path) -> None:
    """A content folder that has not been indexed works without."""
    assert load_places(Library({}, {}, {}), tmp_path) is None
