"""The public pages of past bulletins: only what is public and went out, escaped, without a cookie or a script."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy.orm import Session

from bot.transports.web_archive import draw_text
from db.models import Bulletin, BulletinFile, BulletinKind, BulletinRun, RunState
from db.session import Database
from handlers.bulletins.content import Block, BlockKind
from knowledge.answer import Answerer
from tests.bot.test_web import serve
from tests.sent_bulletins import bulletin_of, send
from tests.small_tree import Tree
from tests.talk import Talk

Client = httpx.AsyncClient


@pytest.fixture
def talk(database: Database, answerer: Answerer) -> Talk:
    """The world of bulletins; nobody talks here."""
    return Talk(database, answerer)


@pytest.fixture
def tree(talk: Talk) -> Tree:
    """A federation with one upper union and two workplaces."""
    return Tree.plant(talk.database, talk.today.replace(year=2020))


@pytest.fixture
async def client(database: Database, answerer: Answerer) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at the running program."""
    async with serve(database, answerer) as site:
        yield site.browser().client


def _add_file(session: Session, bulletin: Bulletin, name: str, media_type: str) -> int:
    content = name.encode()
    file = BulletinFile(
        bulletin_id=bulletin.id, name=name, media_type=media_type, content=content, size=len(content), digest=name
    )
    session.add(file)
    session.flush()
    return file.id


def code_of(talk: Talk, run_id: int) -> str:
    return bulletin_of(talk, run_id).code


async def test_list_shows_public_bulletins_that_went_out(talk: Talk, tree: Tree, client: Client) -> None:
    """Nothing of members', tasks', or what was called off; nobody gets a cookie."""
    send(talk, tree.root, title="Công khai", is_public=True)
    for title, more in {
        "Nội bộ": {},
        "Việc giao": {"kind": BulletinKind.TASK, "is_public": True},
        "Đã rút": {"run_state": RunState.CANCELLED, "is_public": True},
    }.items():
        send(talk, tree.root, title=title, **more)
    response = await client.get("/ban-tin")
    assert response.status_code == 200 and "Công khai" in response.text
    for title in ("Nội bộ", "Việc giao", "Đã rút"):
        assert title not in response.text
    assert "set-cookie" not in response.headers and "<script" not in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "Công đoàn &lt;b&gt;" in response.text and '<html lang="vi">' in response.text


async def test_words_are_searched_with_and_without_marks_and_pages_follow(
    talk: Talk, tree: Tree, client: Client
) -> None:
    """What was searched for stands in the field again, escaped."""
    for number in range(12):
        talk.pass_time(minutes=1)
        send(talk, tree.root, title=f"Khám sức khỏe đợt {number:02}", is_public=True)
    send(talk, tree.root, title="Hội thao", is_public=True)
    first = (await client.get("/ban-tin", params={"tu": "suc khoe"})).text
    assert first.count("Khám sức khỏe") == 10 and "Hội thao" not in first
    older = re.search(r'href="([^"]+trang=2)"', first)
    assert older is not None
    second = (await client.get(older[1].replace("&amp;", "&"))).text
    assert "đợt 00" in second and "đợt 11" not in second and "trang=1" in second
    odd = (await client.get("/ban-tin", params={"tu": '"><script>alert(1)</script>'})).text
    assert "<script" not in odd and "&lt;script&gt;" in odd
    assert (
        (await client.get("/ban-tin?trang=99999")).status_code
        == (await client.get("/ban-tin?trang=-1")).status_code
        == 200
    )


async def test_page_escapes_what_editors_wrote_and_draws_the_subset(talk: Talk, tree: Tree, client: Client) -> None:
    """Bold, lists and links are drawn; anything else is shown as it was typed; only web addresses are links."""
    text = (
        "Mời **tất cả** & <img src=x onerror=alert(1)>\n\n- một\n"
        '- [lịch](https://ld.example.vn/?a=1&b="2")\n\n[x](javascript:alert(1))'
    )
    blocks = [
        Block(BlockKind.LINK, "Xem <lịch>", target="https://ld.example.vn/lich"),
        Block(BlockKind.LINK, "Xấu", target="javascript:alert(1)"),
        Block(BlockKind.POLL, "Đi không?", choices=("Đi", "Không")),
    ]
    run_id = send(talk, tree.root, title="Lương & <thưởng>", text=text, blocks=blocks, is_public=True)
    page = (await client.get(f"/ban-tin/{code_of(talk, run_id)}")).text
    assert "<h1>Lương &amp; &lt;thưởng&gt;</h1>" in page and page.count("<h1") == 1
    assert "<b>tất cả</b> &amp; &lt;img" in page and "<img" not in page
    assert "<ul><li>một</li>" in page and 'href="javascript' not in page
    assert "Xem &lt;lịch&gt;" in page and "Xấu" not in page
    assert "trong trò chuyện với bot" in page


async def test_bulletin_that_is_not_public_is_not_there(talk: Talk, tree: Tree, client: Client) -> None:
    """The same as one that never was."""
    run_id = send(talk, tree.root, title="Nội bộ")
    for code in (code_of(talk, run_id), "ABCD1234", "x"):
        response = await client.get(f"/ban-tin/{code}")
        assert response.status_code == 404 and "Nội bộ" not in response.text


async def test_correction_and_what_it_corrects_lead_to_one_another(talk: Talk, tree: Tree, client: Client) -> None:
    """A correction that is not public is not named."""
    wrong = send(talk, tree.root, title="Ngày 12", is_public=True)
    number = bulletin_of(talk, wrong).id
    right = send(talk, tree.root, title="Ngày 15", kind=BulletinKind.CORRECTION, corrects_id=number, is_public=True)
    send(talk, tree.root, title="Nội bộ", kind=BulletinKind.CORRECTION, corrects_id=number)
    page = (await client.get(f"/ban-tin/{code_of(talk, wrong)}")).text
    assert "có chỗ sai" in page and "Ngày 15" in page and "Nội bộ" not in page
    assert f"/ban-tin/{code_of(talk, right)}" in page
    assert "Ngày 12" in (await client.get(f"/ban-tin/{code_of(talk, right)}")).text


async def test_files_of_a_public_bulletin_are_served_and_no_others(talk: Talk, tree: Tree, client: Client) -> None:
    """A picture stands in the page; a document is downloaded; a file that was not sent is not there."""
    run_id = send(talk, tree.root, title="Có tệp", is_public=True)
    hidden = send(talk, tree.root, title="Nội bộ")
    files = {}
    with talk.database.begin() as session:
        for run, names in ((run_id, ("anh.png", "quy-che.pdf", "nháp.pdf")), (hidden, ("kin.pdf",))):
            row = session.get_one(BulletinRun, run)
            bulletin = session.get_one(Bulletin, row.bulletin_id)
            for name in names:
                kind = "image/png" if name.endswith("png") else "application/pdf"
                files[name] = _add_file(session, bulletin, name, kind)
            row.plan = {"files": [files[name] for name in names if name != "nháp.pdf"]}
    page = (await client.get(f"/ban-tin/{code_of(talk, run_id)}")).text
    assert "<img" in page and "quy-che.pdf" in page and "nháp.pdf" not in page
    address = f"/ban-tin/{code_of(talk, run_id)}/tep"
    picture, document = [await client.get(f"{address}/{files[name]}") for name in ("anh.png", "quy-che.pdf")]
    assert picture.content == b"anh.png" and picture.headers["content-disposition"].startswith("inline")
    assert document.headers["content-disposition"].startswith("attachment")
    for other in (files["nháp.pdf"], files["kin.pdf"], 99999):
        assert (await client.get(f"{address}/{other}")).status_code == 404
    assert (await client.get(f"/ban-tin/{code_of(talk, hidden)}/tep/{files['kin.pdf']}")).status_code == 404


def test_paragraphs_and_lists_are_told_apart() -> None:
    """A list may follow a line without a blank one between."""
    drawn = draw_text("Mang theo:\n- thẻ\n- áo\nĐến sớm.")
    assert drawn == "<p>Mang theo:</p><ul><li>thẻ</li><li>áo</li></ul><p>Đến sớm.</p>"
