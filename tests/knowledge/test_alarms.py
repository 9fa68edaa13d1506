"""Who is in danger is heard, who is wronged is offered help, who only asks is answered: measured on lines of ours."""

import random
import sys
import time
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.alarm_book import read_tree
from knowledge.alarms import BUTTONS, Alarm, Alarms, Category, Danger, Kind, Strength, Urgency, load_alarms
from knowledge.answer import Answerer
from knowledge.check_alarms import check_alarms
from knowledge.entry import CONTENT
from knowledge.load import load_library
from knowledge.normalize import fold
from knowledge.signs import Word, read_whole, together, word_of
from knowledge.texts import has_text, load_texts, t

from .answers import TODAY

LINES: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "alarms.yaml").read_text(encoding="utf-8"))
EMERGENCIES: list[tuple[list[str], str]] = LINES["emergencies"]
GRIEVANCES: list[tuple[list[str], str]] = LINES["grievances"]
FEWEST_EMERGENCIES, FEWEST_KINDS, MOST_FALSE = 0.98, 0.90, 0.01
FEWEST_GRIEVANCES, FEWEST_CATEGORIES, MOST_FIRST = 0.90, 0.85, 0.05
FEWEST_FRESH_EMERGENCIES, FEWEST_FRESH_GRIEVANCES = 0.90, 0.85
MOST_MS = 3.0
"""Three times what a quiet machine may take (docs/explanation/alarms.md): a busy one must not fail the build."""

HOTLINE = "0900 000 000"

ASKED = ("bao nhieu", "bao lau", "khi nao", "the nao", "la gi", "duoc gi", "huong gi", "thi sao", "quy dinh", "thu tuc")
"""Words of plain questions, chosen without looking at the recogniser's own."""


@pytest.fixture(scope="module")
def alarms(answerer: Answerer) -> Alarms:
    return load_alarms(answerer.parts.searcher)


def phrasings(answerer: Answerer) -> list[str]:
    return [one for entry in answerer.parts.library.published for one in entry.phrasings]


def is_emergency(alarm: Alarm | None) -> bool:
    return alarm is not None and alarm.kind is Kind.EMERGENCY


def is_first(alarm: Alarm | None) -> bool:
    return alarm is not None and alarm.strength is Strength.FIRST


def share(of: Iterable[bool]) -> float:
    held = list(of)
    return sum(held) / len(held)


def show(capsys: pytest.CaptureFixture[str], line: str) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\nalarms: {line}\n")


def test_what_is_measured_stands_nowhere_in_the_content() -> None:
    """Otherwise the figures would tell how well the list was copied."""
    tree = read_tree()
    blocks = [*tree["dangers"].values(), *tree["grievances"].values()]
    known = {fold(one) for block in blocks for one in block["examples"]} | set(map(fold, tree["calm"]))
    measured = [
        text
        for name in ("emergencies", "grievances", "fresh_emergencies", "fresh_grievances")
        for _, text in LINES[name]
    ]
    assert [text for text in [*measured, *LINES["questions"], *LINES["harmless"]] if fold(text) in known] == []
    assert len(EMERGENCIES) >= 150
    assert len(GRIEVANCES) >= 200


def test_hardly_an_emergency_goes_unheard(alarms: Alarms, capsys: pytest.CaptureFixture[str]) -> None:
    """Accident, fire, poisoning, violence, despair … in dialect, misspelt, without marks; with the numbers that fit."""
    found = [(wanted, text, alarms.recognise(text)) for wanted, text in EMERGENCIES]
    heard = share(is_emergency(alarm) and is_first(alarm) for _, _, alarm in found)
    fitting = share(alarm is not None and alarm.danger in wanted for wanted, _, alarm in found)
    show(capsys, f"{len(found)} emergencies, {heard:.1%} heard, {fitting:.1%} of the right kind")
    assert heard >= FEWEST_EMERGENCIES
    assert fitting >= FEWEST_KINDS


def test_grievances_are_heard_under_their_category(alarms: Alarms, capsys: pytest.CaptureFixture[str]) -> None:
    """Nine in ten are recognised, and of those hardly one goes to the wrong desk or rings the ambulance."""
    found = [(wanted, text, alarms.recognise(text)) for wanted, text in GRIEVANCES]
    heard = [(wanted, alarm) for wanted, _, alarm in found if alarm is not None]
    recall = len(heard) / len(found)
    right = share(alarm.category in wanted and not is_emergency(alarm) for wanted, alarm in heard)
    show(capsys, f"{len(found)} grievances, {recall:.1%} heard, {right:.1%} of these under the right category")
    assert recall >= FEWEST_GRIEVANCES
    assert right >= FEWEST_CATEGORIES


def test_lines_nobody_fitted_are_heard_nearly_as_well(alarms: Alarms, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines written after the lists: how well people are understood who say it in their own way."""
    emergencies = [alarms.recognise(text) for _, text in LINES["fresh_emergencies"]]
    grievances = [alarms.recognise(text) for _, text in LINES["fresh_grievances"]]
    danger, wrong = share(map(is_emergency, emergencies)), share(alarm is not None for alarm in grievances)
    first = share(is_emergency(alarm) and is_first(alarm) for alarm in emergencies)
    show(
        capsys,
        f"fresh: {len(emergencies)} emergencies {danger:.1%} ({first:.1%} first), "
        f"{len(grievances)} grievances {wrong:.1%}",
    )
    assert danger >= FEWEST_FRESH_EMERGENCIES
    assert wrong >= FEWEST_FRESH_GRIEVANCES


def test_questions_of_entries_hardly_ever_ring_the_alarm(
    alarms: Alarms, answerer: Answerer, capsys: pytest.CaptureFixture[str]
) -> None:
    """At most one phrasing in a hundred is called an emergency, and most of those tell of danger; of plain questions at
    most one in twenty is held up by an offer."""
    texts = phrasings(answerer)
    found = [(text, alarms.recognise(text)) for text in texts]
    plain = [alarm for text, alarm in found if text.rstrip().endswith("?") or any(word in fold(text) for word in ASKED)]
    false = share(is_emergency(alarm) for _, alarm in found)
    first = share(is_first(alarm) for alarm in plain)
    beside = share(alarm is not None and not is_first(alarm) for _, alarm in found)
    told = share(is_first(alarm) and not is_emergency(alarm) for _, alarm in found)
    line = f"{len(texts)} phrasings: {false:.2%} emergencies, {told:.1%} told grievances, {beside:.1%} offered beside;"
    show(capsys, f"{line} of {len(plain)} plain questions {first:.2%} first")
    assert false <= MOST_FALSE
    assert first <= MOST_FIRST


def test_who_asks_about_the_law_is_answered_first(alarms: Alarms) -> None:
    """However grave the subject: what one is entitled to after an accident is no accident."""
    found = [(text, alarms.recognise(text)) for text in LINES["questions"]]
    assert [text for text, alarm in found if is_emergency(alarm) or is_first(alarm)] == []


def test_what_only_sounds_grave_alarms_nobody(alarms: Alarms) -> None:
    """Machines that die, deadlines that burn, people who are dead tired."""
    found = [(text, alarms.recognise(text)) for text in LINES["harmless"]]
    assert [text for text, alarm in found if is_first(alarm)] == []
    assert share(is_emergency(alarm) for _, alarm in found) <= 0.05


@pytest.mark.parametrize("change", [fold, str.upper, str.title, lambda text: text.replace(" ", "  ") + " !!!"])
def test_the_way_of_writing_makes_no_difference(alarms: Alarms, change: Callable[[str], str]) -> None:
    """Without marks, shouted, with any punctuation: the same alarms."""
    assert share(is_emergency(alarms.recognise(change(text))) for _, text in EMERGENCIES) >= FEWEST_EMERGENCIES
    assert share(alarms.recognise(change(text)) is not None for _, text in GRIEVANCES) >= FEWEST_GRIEVANCES


def slipped(word: str, chance: random.Random) -> str:
    """A word with two letters swapped, one doubled, or one lost."""
    if len(word) < 4 or not word.isalpha():
        return word
    cut = chance.randrange(len(word) - 1)
    swapped = word[:cut] + word[cut + 1] + word[cut] + word[cut + 2 :]
    return chance.choice([swapped, word[: cut + 1] + word[cut:], word[:cut] + word[cut + 1 :]])


def test_a_slip_in_every_fifth_word_costs_little(alarms: Alarms, capsys: pytest.CaptureFixture[str]) -> None:
    """Hands shake when somebody is hurt."""
    chance = random.Random(5)
    typed = [
        " ".join(slipped(one, chance) if chance.random() < 0.2 else one for one in text.split())
        for _, text in EMERGENCIES
    ]
    heard = share(is_emergency(alarms.recognise(text)) for text in typed)
    show(capsys, f"with slips {heard:.1%} of emergencies heard")
    assert heard >= 0.92


def test_it_takes_about_a_millisecond(alarms: Alarms, answerer: Answerer, capsys: pytest.CaptureFixture[str]) -> None:
    """Processor time of one message, the best of three, at the 99th percentile of phrasings, stories and our lines."""

    def best(text: str) -> float:
        times = []
        for _ in range(3):
            begun = time.process_time()
            alarms.recognise(text)
            times.append(time.process_time() - begun)
        return min(times) * 1000

    taken = sorted(map(best, [*phrasings(answerer)[::6], *(text for _, text in (*EMERGENCIES, *GRIEVANCES))]))
    show(capsys, f"p50 {taken[len(taken) // 2]:.2f} ms, p99 {taken[int(len(taken) * 0.99)]:.2f} ms")
    assert taken[int(len(taken) * 0.99)] <= MOST_MS


@pytest.mark.parametrize(
    ("text", "danger", "numbers"),
    [
        ("chay xuong", Danger.FIRE, ["114", "115"]),
        ("có người bị máy cắt tay", Danger.INJURY, ["115"]),
        ("bi nhot ko cho ve", Danger.CONFINEMENT, ["113", "111"]),
        ("bé 14 tuổi làm trong xưởng", Danger.CHILD, ["111", "113"]),
        ("cháu 16 tuổi bị máy dập nát tay", Danger.INJURY, ["115", "111"]),
        ("muốn chết quách cho xong", Danger.DESPAIR, ["115"]),
        ("ngo doc thuc an tap the", Danger.POISONING, ["115", "114"]),
    ],
)
def test_the_number_that_matters_most_stands_first(
    alarms: Alarms, text: str, danger: Danger, numbers: list[str]
) -> None:
    """113 police, 114 fire, 115 ambulance, 111 for children and the trafficked; each once."""
    alarm = alarms.recognise(text)
    assert alarm is not None
    assert (alarm.danger, alarm.urgency) == (danger, Urgency.EMERGENCY)
    calls = alarms.calls(alarm, TODAY)
    assert [call.number for call in calls] == numbers
    said = alarms.say(alarm, TODAY, HOTLINE)
    assert HOTLINE in said and all(call.number in said for call in calls)


def test_a_number_is_given_only_once_it_is_in_use(alarms: Alarms) -> None:
    """Numbers are dated: 111 took reports of trafficking from 2025 on."""
    alarm = alarms.recognise("bị nhốt không cho về")
    assert alarm is not None
    assert [call.number for call in alarms.calls(alarm, date(2025, 6, 30))] == ["113"]
    assert alarms.calls(alarm, date(2015, 2, 28)) == ()


def test_every_danger_has_a_short_reply_and_every_offer_its_words(alarms: Alarms) -> None:
    """A reply in danger fits one look at the phone: 300 characters with all its numbers filled in."""
    for danger in Danger:
        category = alarms.book.dangers[danger].category
        alarm = Alarm(Kind.EMERGENCY, category, Urgency.EMERGENCY, Strength.FIRST, danger, is_minor=True)
        assert len(alarms.say(alarm, TODAY, HOTLINE).replace("**", "")) <= 300, danger
    for strength in Strength:
        for category in Category:
            grievance = Alarm(Kind.GRIEVANCE, category, Urgency.ORDINARY, strength)
            assert 0 < len(alarms.say(grievance, TODAY, HOTLINE)) <= 300
            assert alarms.calls(grievance, TODAY) == ()
    assert all(map(has_text, BUTTONS))


def test_who_is_harassed_is_not_asked_to_tell_it_again(alarms: Alarms) -> None:
    """The offer after harassment has words of its own, and a person looks soon."""
    alarm = alarms.recognise("bi sep so mo")
    assert alarm is not None
    assert (alarm.category, alarm.strength, alarm.urgency) == (Category.HARASSMENT, Strength.FIRST, Urgency.URGENT)
    assert alarms.say(alarm, TODAY, HOTLINE) == t("alarms.offer_gently")


@pytest.mark.parametrize("text", ["em bị quản lý hiếp dâm", "nó nhốt em trong kho rồi đánh em, hiếp em"])
def test_who_was_raped_gets_that_reply_whatever_else_was_done(alarms: Alarms, text: str) -> None:
    """It asks for no retelling."""
    alarm = alarms.recognise(text)
    assert alarm is not None
    assert (alarm.danger, alarm.category) == (Danger.ASSAULT, Category.HARASSMENT)


@pytest.mark.parametrize("text", ["muốn chết quá", "EM MUỐN TỰ TỬ", "em muon tu tu", "nghĩ quẩn, không muốn sống nữa"])
def test_despair_of_small_talk_is_an_emergency(alarms: Alarms, answerer: Answerer, text: str) -> None:
    """Small talk and alarms know despair by the same phrases, so that neither is silent where the other speaks."""
    assert answerer.answer(text, TODAY).talk == "crisis"
    alarm = alarms.recognise(text)
    assert alarm is not None
    assert (alarm.danger, alarm.strength) == (Danger.DESPAIR, Strength.FIRST)


@pytest.mark.parametrize(
    ("text", "kind", "strength"),
    [
        ("cty no luong 2 thang r", Kind.GRIEVANCE, Strength.FIRST),
        ("công ty nợ lương 2 tháng thì bị phạt bao nhiêu", Kind.GRIEVANCE, Strength.OFFER),
        ("công ty nợ lương 2 tháng phải làm sao", Kind.GRIEVANCE, Strength.OFFER),
        ("nợ lương", Kind.GRIEVANCE, Strength.OFFER),
        ("năm ngoái em bị máy cắt đứt ngón tay mà công ty không trả viện phí", Kind.GRIEVANCE, Strength.FIRST),
        ("nếu bị máy cắt tay", Kind.GRIEVANCE, Strength.OFFER),
        ("nó dọa giết em nếu em đi báo", Kind.EMERGENCY, Strength.FIRST),
        ("máy cắt đứt tay rồi phải làm sao", Kind.EMERGENCY, Strength.FIRST),
    ],
)
def test_how_it_is_told_decides_what_comes_first(alarms: Alarms, text: str, kind: Kind, strength: Strength) -> None:
    """A question is answered and help offered beside; what is over or supposed is no emergency; advice in danger is."""
    alarm = alarms.recognise(text)
    assert alarm is not None
    assert (alarm.kind, alarm.strength) == (kind, strength)


@pytest.mark.parametrize(
    ("text", "is_urgent"),
    [
        ("cty no luong 2 thang r", False),
        ("chủ nợ lương bỏ trốn rồi", True),
        ("không có dây an toàn mà bắt leo cao", True),
    ],
)
def test_urgent_words_lift_the_urgency(alarms: Alarms, text: str, is_urgent: bool) -> None:
    """They never wait for somebody to sort the case."""
    alarm = alarms.recognise(text)
    assert alarm is not None
    assert (alarm.urgency is Urgency.URGENT) == is_urgent


@pytest.mark.parametrize("text", ["", "   ", "???", "…", "👍", "quấy rối là gì", "thế nào là cưỡng bức lao động"])
def test_nothing_told_is_no_alarm(alarms: Alarms, text: str) -> None:
    """Silence, faces, and who asks what a word means."""
    assert alarms.recognise(text) is None


@pytest.mark.parametrize("text", ["roi em cam on", "em hieu roi, cam on anh chi", "em di roi a cam on"])
def test_thanks_are_no_emergency(alarms: Alarms, text: str) -> None:
    """Without marks "rồi" is a whip and "cảm" is to hold it; "then, thank you" is far commoner."""
    alarm = alarms.recognise(text)
    assert alarm is None or (alarm.kind is Kind.GRIEVANCE and alarm.strength is Strength.OFFER)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=400))
def test_any_text_can_be_read(alarms: Alarms, text: str) -> None:
    """Whatever arrives, an alarm is whole: danger with an emergency only, and an emergency with a number to call."""
    alarm = alarms.recognise(text)
    if alarm is not None:
        assert (alarm.danger is not None) == (alarm.kind is Kind.EMERGENCY)
        assert (alarm.urgency is Urgency.EMERGENCY) == (alarm.kind is Kind.EMERGENCY)
        assert bool(alarms.calls(alarm, TODAY)) == (alarm.kind is Kind.EMERGENCY)


@settings(max_examples=100, deadline=None)
@given(
    line=st.sampled_from([text for _, text in EMERGENCIES]),
    question=st.sampled_from(
        ["bị phạt bao nhiêu", "được hưởng chế độ gì", "thủ tục thế nào", "có được bồi thường không"]
    ),
)
def test_a_question_of_law_about_danger_is_no_emergency(alarms: Alarms, line: str, question: str) -> None:
    """Unless somebody cries for help in it."""
    cries = {fold(cry) for cry in alarms.book.manners["cries"]}
    alarm = alarms.recognise(f"{line} thì {question}")
    if not any(f" {cry} " in f" {fold(line)} " for cry in cries):
        assert not is_emergency(alarm) or alarm is None


def test_marks_may_be_left_out_but_not_changed() -> None:
    """Without marks a word may be any; with them it is what it is, but for one that was forgotten."""
    assert word_of("chay").may_be(word_of("cháy"))
    assert not word_of("chạy").may_be(word_of("cháy"))
    assert word_of("nhôt").may_be(word_of("nhốt"))
    assert not word_of("dám").may_be(word_of("đấm"))
    assert not word_of("dâm").may_be(word_of("đâm"))
    assert word_of("ngả").may_be(word_of("ngã"))
    assert word_of("cứuuuuu") == word_of("cứu")
    assert Word("khong").may_be(word_of("không"))


def test_words_belong_together_only_when_they_stand_near() -> None:
    """In any order, not one inside the other, and not a story apart."""
    assert together({"a": [(0, 1)], "b": [(3, 5)]}, ("b", "a")) == ((3, 5), (0, 1))
    assert together({"a": [(0, 1)], "b": [(9, 10)]}, ("a", "b")) == ()
    assert together({"a": [(0, 2)], "b": [(1, 2)]}, ("a", "b")) == ()
    assert together({"a": [(0, 1)]}, ("a", "b")) == ()


def test_a_phrase_is_read_as_a_whole() -> None:
    """What is said only by a part of it is not said; what holds it stays."""
    found = {"idiom": [(1, 3)], "hand": [(1, 2)], "sleeve": [(0, 3)], "late": [(5, 6)]}
    assert read_whole(found, "idiom") == {1, 2}
    assert found == {"sleeve": [(0, 3)], "late": [(5, 6)]}


CONTENT_TEXT = (CONTENT / "alarms.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("\nborrowed:", "\nborowed: [x]\nborrowed:", "unknown_key"),
        ("source: 162/2025/NĐ-CP", "source: 999/2025/NĐ-CP", "unknown_source"),
        ("from: 2025-07-01", "from: 2024-07-01", "alarm_number_source"),
        ('number: "113"', 'number: "mot"', "alarm_number"),
        ("  police: [", "  coast_guard: [", "alarm_call"),
        ("  police: [", "  coast_guard: [", "alarm_number_text"),
        ("  police: [{from: 2015-03-01, ", "  police: [{", "alarm_number_days"),
        ("burning place", "burning places", "alarm_group"),
        ("\n  burning: [", "\n  smouldering: [x]\n  burning: [", "alarm_unused"),
        ("\n  welfare:\n    urgency: ordinary", "\n  welfare:\n    urgency: soon", "alarm_kind"),
        ("\n  fire:\n    numbers", "\n  flames_of:\n    numbers", "alarm_kind"),
        ("idioms: [", "idioms: [no, ", "alarm_phrase"),
    ],
)
def test_a_broken_list_is_named(tmp_path: Path, old: str, new: str, code: str) -> None:
    """Curators are told every slip in the file: what is wrong, and what to do."""
    assert old in CONTENT_TEXT
    (tmp_path / "alarms.yaml").write_text(CONTENT_TEXT.replace(old, new, 1), encoding="utf-8")
    start = load_texts()[f"check.{code}.what"].split("{")[0]
    fixed = [part.split("}")[-1] for part in load_texts()[f"check.{code}.what"].split("{")[1:]]
    problems = check_alarms(tmp_path, load_library())
    assert [one for one in problems if one.what.startswith(start) and all(part in one.what for part in fixed)]


def test_the_lists_as_they_stand_have_no_problem(tmp_path: Path) -> None:
    """And a folder without such a file has none either: the lists of the program are used."""
    assert check_alarms(CONTENT, load_library()) == []
    assert check_alarms(tmp_path, load_library()) == []
