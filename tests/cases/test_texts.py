"""The texts that a review by native readers corrected: the misleading wording is gone, the meaning it lacked is there.

Wording that a reader found misplaced once is looked for in the whole catalog, not in the string where it was found.
"""

import re

import pytest

from bot.chat.screens import MAX_TEXT, TextRenderer, strip_markup
from bot.content.loader import load_protocol
from bot.content.texts import MAX_SIGN_LENGTH, Texts, sign_key, sign_keys
from bot.content.typed import TypedWords
from bot.core.protocol import Tier
from bot.dialog import call_replies, learn, widgets
from tests.personas.labels import is_cut

LANGUAGES = ("en", "es", "ru")
TEXTS = Texts.load(LANGUAGES)
RENDERER = TextRenderer(TEXTS)
PROTOCOL = load_protocol()
FOR_TEAM = ("staff.", "console.")
BOTH_SCREENS = ("question.safety_now", "question.safety_now.first", "question.safety_new", "question.safety_new.first")


def said(language, key):
    return "\n".join(strip_markup(form) for form in TEXTS.forms(language, key))


def matching(language, pattern, *, team=False, keys=""):
    """Return the keys of the strings in which the pattern occurs; those for the team only if asked for."""
    return [
        key
        for key in TEXTS.keys(language)
        if key.startswith(keys)
        and (team or not key.startswith(FOR_TEAM))
        and any(re.search(pattern, strip_markup(form), re.IGNORECASE) for form in TEXTS.forms(language, key))
    ]


def when_to_call(clinic, language):
    (topic,) = (t for t in clinic.protocol.topics if t.signs)
    return "\n\n".join(RENDERER.html(line, language) for line in learn.topic_lines(clinic, topic))


# --- When to call -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("tier", [Tier.EMERGENCY, Tier.URGENT])
def test_learn_and_help_show_every_sign_of_the_protocol(clinic, language, tier):
    shown = when_to_call(clinic, language)
    helped = "\n".join(RENDERER.html(line, language) for line in learn.when_to_call(clinic))
    (screen,) = widgets.sign_screens(clinic, tier)
    keys = sign_keys(screen)
    for key in keys:
        (sign,) = TEXTS.forms(language, key)
        assert sign in shown, key
        assert sign in helped, key
    assert len(shown) < MAX_TEXT, "Telegram would cut it"


@pytest.mark.parametrize("language", LANGUAGES)
def test_learn_shows_every_symptom_worth_a_call_within_a_day(clinic, language):
    shown = when_to_call(clinic, language).split("\n\n")[-1]
    assert "24" in shown.splitlines()[0]
    for name, symptom in PROTOCOL.symptoms.items():
        named = set(symptom.levels) - {"not_sure"}
        if named and max(symptom.levels.values()) is Tier.SOON:
            assert said(language, f"symptom.{name}") in shown, name


@pytest.mark.parametrize("language", LANGUAGES)
def test_card_shows_every_emergency_sign_line(clinic, anna, language):
    patient = anna.model_copy(update={"language": language})
    shown = "\n".join(RENDERER.plain(line, language) for line in call_replies.card_screen(patient, clinic).lines)
    (screen,) = widgets.sign_screens(clinic, Tier.EMERGENCY)
    for line in screen.signs.lines:
        assert said(language, sign_key(screen, line.id)) in shown


DROOPING_FACE = {"en": r"face droops", "es": r"cara caída", "ru": r"перекосило лицо"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_sudden_drooping_face_is_a_call_to_the_emergency_number(language):
    emergency, *rest = said(language, "learn.when_to_call.body").split("\n\n")
    assert "{emergency}" in emergency.splitlines()[0]
    assert re.search(DROOPING_FACE[language], emergency)
    assert not any(re.search(DROOPING_FACE[language], part) for part in rest)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("part", [0, 1], ids=["emergency", "team"])
def test_list_of_former_protocols_has_a_line_per_sign_of_their_screens(language, part):
    listed = said(language, "learn.when_to_call.body").split("\n\n")[part].count("• ")
    asked = said(language, BOTH_SCREENS[2 * part]).count("• ")
    assert listed >= asked


# --- Hours, numbers and places mean the same in each language -----------------------------------------------------------

ROUND_THE_CLOCK = re.compile(r"\((?:24 hours|24 horas|круглосуточно|днём и ночью)\)")
ABOUT_CALLING = ("call.", "done.open.", "done.after_call", "loopback.", "stop.open.", "learn.when_to_call.")


@pytest.mark.parametrize("language", ["es", "ru"])
def test_call_texts_have_the_hours_and_numbers_of_english(language):
    def figures(code, key):
        return sorted(re.findall(r"\d+|\{[a-z_]+\}", ROUND_THE_CLOCK.sub("", said(code, key))))

    for key in TEXTS.keys():  # noqa: SIM118
        if key.startswith(ABOUT_CALLING):
            assert figures(language, key) == figures("en", key), key


WITHIN_24_HOURS = {"en": r"within 24 hours", "es": r"en las próximas 24 horas", "ru": r"в течение 24 часов"}
CALL_SOON = (
    "call.soon",
    "call.reply.not_about_this",
    "done.open.call.soon",
    "stop.open.soon",
    "learn.when_to_call.rest",
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", CALL_SOON)
def test_soon_is_a_call_within_24_hours(language, key):
    assert re.search(WITHIN_24_HOURS[language], said(language, key))


def test_no_text_means_a_call_24_hours_from_now():
    assert not matching("es", r"(?<!las próximas )(?<!de )(?<!deshacerlo durante )\b24 horas(?!\))|en un día")
    assert not matching("ru", r"не позже чем за|звон[^.]*в течение дня")


RIGHT_NOW = {"en": "Call {emergency} now", "es": "Llame ahora al {emergency}", "ru": "Сейчас же звоните: {emergency}"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", ["call.emergency", "done.open.call.emergency"])
def test_emergency_is_a_call_to_the_emergency_number_now(language, key):
    assert said(language, key).startswith(RIGHT_NOW[language])


def test_russian_names_the_emergency_department_of_a_hospital():
    assert not matching("ru", r"неотложн")
    places = matching("en", r"go to the (?:nearest )?emergency department")
    assert places
    for key in places:
        assert "приёмное отделение больницы" in said("ru", key), key


# --- Nothing is promised, nothing is asked that means something else -----------------------------------------------------


@pytest.mark.parametrize(
    ("language", "promise", "later"),
    [
        ("en", r"send your answers|stored for your team", r"\bmay (?:look|read)\b.*\blater\b"),
        ("es", r"envío sus respuestas|guardadas para su equipo", r"\bpuede (?:verlas|leerlas)\b.*más tarde"),
        ("ru", r"передан|передаю|сохранены для", r"(?:могут|можно) проч[а-я]+.*позже|их могут проч[а-я]+ позже"),
    ],
)
def test_stored_answers_are_not_said_to_be_read_at_once(language, promise, later):
    assert not matching(language, promise)
    for key in ("help.body", "done.see_next", "done.after_call", "done.after_call.emergency"):
        assert re.search(later, said(language, key), re.IGNORECASE), key


def test_russian_asks_whether_self_care_is_stopped_not_hindered():
    asked = said("ru", "question.selfcare")
    assert "не можете" in asked
    assert "мешает" not in asked
    assert "не можете" in said("ru", "learn.when_to_call.rest")


def test_no_russian_word_for_a_chair_can_mean_a_bowel_movement():
    for key in ("choice.which_new.strength", "sign.safety_new.strength"):
        assert "стул" not in said("ru", key), key
    chairs = matching("ru", r"\bстул\b")
    assert all("мочу или стул" in said("ru", key) for key in chairs), "alone it is a chair"


@pytest.mark.parametrize("key", BOTH_SCREENS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_safety_screens_of_former_protocols_ask_about_the_time_since(language, key):
    since = {
        "en": ("now or at any time since your last check-in", "now or at any time in the last 7 days"),
        "es": (
            "ahora o en algún momento desde sus últimas respuestas",
            "ahora o en algún momento de los últimos 7 días",
        ),
        "ru": (r"Есть сейчас или было (?:хоть раз )?с прошлого опроса", "Есть сейчас или было за последние 7 дней"),
    }[language][key.endswith(".first")]
    first = said(language, key).partition("\n")[0]
    assert re.search(since, first), first


@pytest.mark.parametrize("key", ["question.safety_now", "question.safety_now.first"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_deadliest_sign_of_former_protocols_is_nearest_the_buttons(language, key):
    assert re.search(r"breathe|respirar|дышать", said(language, key).splitlines()[-1])


@pytest.mark.parametrize(
    ("language", "weaker", "meant"),
    [
        ("en", r"very sleepy|right now|• a weak face\b", r"hard to wake"),
        ("es", r"mucho sueño|molestia con la luz|ahora mismo", r"sueño que cuesta despertarle"),
        ("ru", r"сонливост|спутанност|не удержива|сгибается|поперхивание", r"трудно разбудить"),
    ],
)
def test_signs_are_named_as_strongly_as_they_are_meant(language, weaker, meant):
    assert not matching(language, weaker)
    for key in ("question.safety_now", "question.safety_now.first", "fold.safety_now"):
        assert re.search(meant, said(language, key)), key


@pytest.mark.parametrize(
    ("language", "newly"), [("en", r"newly can't hold"), ("es", r"por primera vez no puede"), ("ru", r"впервые не")]
)
def test_lost_control_of_urine_or_stool_is_asked_about_as_new(language, newly):
    for key in ("question.safety_now", "question.safety_now.first", "fold.safety_now", "learn.when_to_call.body"):
        assert re.search(newly, said(language, key), re.IGNORECASE), key


@pytest.mark.parametrize(
    ("language", "eye"),
    [("en", r"close an eye|eye won't close"), ("es", r"cierr[ao] un ojo|cerrar un ojo"), ("ru", r"закрыть глаз")],
)
def test_weak_face_is_named_by_what_one_sees(language, eye):
    for key in ("question.safety_new", "question.safety_new.first", "sign.safety_new.face", "choice.which_new.face"):
        assert re.search(eye, said(language, key)), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_question_about_before_names_its_item_and_immunotherapy(language):
    keys = [f"question.known_{name}" for name in ("stairs", "chair", "buttons", "arms", "head", "walking", "strength")]
    asked = [said(language, key) for key in keys]
    assert len(set(asked)) == len(keys)
    assert all(
        re.search(r"before immunotherapy|antes de .*inmunoterapia|до начала иммунотерапии", text) for text in asked
    )
    assert not matching("en", r"was it so before")


def test_russian_end_of_a_checkin_speaks_of_the_answers():
    assert "ответах нет того" in said("ru", "done.routine")
    assert not matching("ru", r"звонить не нужно")


NAMED = {
    "swallow": r"swallow.*chok.*speech",
    "limbs": r"stand.*walk.*arms.*head.*weakness that spreads",
    "mind": r"confused.*behavior.*wake.*seizure",
    "head_pain": r"stiff neck.*fever.*light",
    "bladder": r"bladder.*bowel.*numb between the legs",
    "back": r"weak or numb legs.*tight band",
    "heart": r"chest pain.*faint.*racing.*uneven",
    "sudden": r"weak side.*face.*speech.*sight",
    "strength": r"arms.*hands.*legs",
    "walking": r"walking.*fall.*floor",
    "face": r"face.*eye",
}


@pytest.mark.parametrize("symptom", NAMED)
def test_sign_asked_about_by_name_is_named_in_all_its_forms(symptom):
    assert re.search(NAMED[symptom], said("en", f"symptom.{symptom}")), "who has another form would answer: gone"


@pytest.mark.parametrize("key", ["call.reply.not_yet", "done.open.call", "loopback.number", "stop.open"])
@pytest.mark.parametrize("tier", ["emergency", "urgent"])
@pytest.mark.parametrize("helper", ["", "helper."])
def test_call_now_is_never_a_plea(key, tier, helper):
    assert not re.search(r"please", said("en", f"{helper}{key}.{tier}"), re.IGNORECASE)


@pytest.mark.parametrize("key", ["enrol.consent1", "help.body", "done.scope", "helper.help.body", "helper.done.scope"])
def test_scope_is_said_where_an_all_clear_could_be_read_as_more(key):
    assert re.search(r"fever, diarrhea, a rash or anything else, call (?:your|their) team", said("en", key))


def test_not_sure_is_no_reason_to_call_less():
    for key in ("call.reply.mistake", "helper.call.reply.mistake"):
        assert re.search(r"or you are not sure, call \{emergency\}", said("en", key))


def test_what_either_person_may_have_said_is_not_said_to_be_the_readers_words():
    assert not matching("en", r"\byou told me", keys="done.")
    assert not matching("en", r"\byou told me|\byou asked", keys="call.")
    assert not matching("en", r"\byou\b(?! (?:walk|stand))", keys="symptom.")


# --- Spanish ------------------------------------------------------------------------------------------------------------


def test_spanish_checkin_is_not_called_a_medical_appointment():
    assert not matching("es", r"(?<!puntos de )\bcontrol(?:es)?\b", team=True)
    assert re.search("preguntas", said("es", "checkin.hello.scheduled").partition(".")[0])


def test_spanish_speaks_of_symptoms_and_real_time():
    assert matching("es", r"señal|\bsignos?\b", team=True) == [
        "learn.what_it_is.body",
        "helper.learn.what_it_is.body",
    ], "nerves do carry signals"
    assert not matching("es", "en directo")


def test_spanish_buttons_speak_as_the_patient():
    assert not matching("es", r"^(?:le|se|ve|tiene|su|no siente)\b|\bsiente\b", keys="choice.")


def test_spanish_texts_name_no_gender():
    assert not matching("es", r"[oa]/[oa]s?\b|\([oa]s?\)")
    assert not matching(
        "es", r"\b(?:confus|dormid|descalz|(?:in)?segur|acostad|cansad|preocupad|(?:está|quedo) llen)o\b"
    )


def test_spanish_strength_of_numbness_is_asked_as_in_latin_america():
    for key in ("question.numbness", "question.numbness.first"):
        assert "¿Qué tan fuerte" in said("es", key)
        assert re.search("adormecimiento o entumecimiento", said("es", key), re.IGNORECASE)
    assert said("es", "choice.numbness.medium") == "Moderado"
    assert not matching("es", r"cómo de ")


def test_spanish_asks_about_the_time_since_the_last_answers():
    """A check-in that was not answered asked too: "since I asked" would leave out the days before it."""
    assert not matching("es", r"desde (?:que|la última vez que) (?:le )?pregunt")
    for key in ("question.change", "question.signs_now", "question.signs_new", "question.worth_a_call"):
        assert re.search("desde sus últimas respuestas", said("es", key), re.IGNORECASE), key
        assert re.search("desde las últimas respuestas", said("es", f"helper.{key}"), re.IGNORECASE), key


def test_spanish_at_once_is_one_word_everywhere():
    assert not matching("es", r"\ben ?seguida\b|\bllame ya\b")


@pytest.mark.parametrize("key", ["call.reply.not_yet", "done.open.call", "loopback.number", "stop.open"])
@pytest.mark.parametrize("tier", ["emergency", "urgent"])
def test_spanish_call_now_is_never_a_plea(key, tier):
    texts = [said("es", f"{voice}{key}.{tier}") for voice in ("", "helper.")]
    assert not any(re.search(r"por favor", text, re.IGNORECASE) for text in texts)


def test_spanish_symptom_that_comes_back_is_not_the_person_who_comes_back():
    assert not matching("es", r"\bsi (?:no )?vuelve\b")


ABOUT_THE_PERSON = r"\b(?:tiene que ir|no debe conducir|(?<!esto )empeora)\b"


def test_spanish_helper_reads_who_has_to_go_and_who_gets_worse():
    """Without a subject it would be the helper: "usted" and "he, she" have the same verb."""
    for key in matching("es", ABOUT_THE_PERSON, keys="helper.call.reply."):
        assert re.search(r"esa persona|la persona a la que ayuda", said("es", key), re.IGNORECASE), key


def test_spanish_choices_fit_a_button_with_a_tick():
    assert matching("es", r"^.{36,}", keys="choice.") == []
    assert matching("es", r"^.{36,}", keys="helper.choice.") == []


def test_spanish_evening_is_not_the_afternoon():
    assert "tarde" not in said("es", "later.evening").lower()


# --- Russian ------------------------------------------------------------------------------------------------------------


def test_russian_speaks_of_doctors_and_not_of_a_team():
    assert not matching("ru", r"команд")
    assert "врач" in said("ru", "keyboard.team")


def test_keyboards_with_the_former_label_still_show_the_numbers():
    assert TypedWords.load(["ru"]).command("Моя команда") == "team"


def test_russian_leaves_no_choice_of_gender_in_brackets():
    assert not matching("ru", r"\((?:а|ла|лся|лась)\)", team=True)


def test_russian_bot_has_no_gender():
    assert not matching("ru", r"\bя (?:вас )?(?:по|за|про|спро|ска|от)[а-я]*(?:ял|исал|осил|азал|метил)\b")
    assert not matching("ru", r"что я отвечал|я вас понял")


def test_russian_learn_pages_use_the_usual_terms():
    assert not matching("ru", r"\bбед[аеуы]\b|дело плохо|проверяет[^.]*чувства", keys="learn.")
    assert "чувствительность" in said("ru", "learn.telling_apart.body")
    assert "тяжёлое поражение" in said("ru", "learn.how_common.body")
    assert "В тяжёлых случаях" in said("ru", "learn.what_team_does.body")
    assert "В экстренном случае" in said("ru", "learn.not_advice.body")
    assert not matching("ru", r"в беде|кровь бежит|светлее на душе")


def test_russian_does_not_promise_that_doctors_look():
    assert not matching("ru", r"врачи (?:по-прежнему |всё равно )?(?:это |оба )?(?:ответа )?(?:у?видят|прочтут|читают)")


def test_russian_seizure_is_not_a_cramp_in_the_leg():
    assert not matching("ru", r"судорог", team=True)
    for key in ("sign.safety_now.mind", "choice.which_now.mind_wake", "symptom.mind", "helper.symptom.mind"):
        assert "припадок" in said("ru", key).lower(), key


def test_russian_names_the_person_whom_a_helper_helps():
    assert not matching("ru", r"\bт(?:от|ого|ому|ом|ем), ко(?:му|го) вы помогаете")
    assert "«" + said("ru", "caregiver.head").removesuffix(":") + "»" in said("ru", "care.both")


def test_russian_yes_to_a_question_with_a_not_says_what_it_means():
    """ "Are you unable to wash?" "No" can mean "no, I can't": the buttons say which."""
    assert "не можете" in said("ru", "question.selfcare")
    assert "не получается" in said("ru", "choice.selfcare.yes")
    assert re.search(r"(?<!не )получается", said("ru", "choice.selfcare.no"))


@pytest.mark.parametrize("key", ["sign.safety_new.fading", "choice.which_new.fading", "symptom.fading"])
def test_russian_fatigability_is_weakness_that_comes_quickly(key):
    assert "быстро слабе" in said("ru", key).lower()


@pytest.mark.parametrize("key", ["signs_now", "signs_now.first", "signs_new", "signs_new.first"])
@pytest.mark.parametrize("who", ["", "helper."])
def test_russian_safety_screens_ask_about_now_and_the_time_since(who, key):
    words = said("ru", f"{who}question.{key}") or said("ru", f"question.{key}")
    assert "сейчас" in words.lower()
    assert ("за последние 7 дней" if key.endswith(".first") else "с прошлого опроса") in words


@pytest.mark.parametrize(("weekday", "until"), [("пятница", "stop.undo_until")])
def test_russian_day_of_the_week_follows_no_preposition(weekday, until):
    """The days of the week are in the nominative: "до пятница" is no Russian."""
    assert said("ru", "weekday.5") == weekday
    assert not re.search(r"\b(?:до|с|в|на)(?: \{time\},)? \{date\}", said("ru", until))


# --- Buttons --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_patient_labels_are_not_cut_on_a_phone(language):
    ticked = ("choice.which_", "choice.autonomic.")
    for key in TEXTS.keys(language):
        of = key.removeprefix("helper.")
        if of.startswith(("choice.", "button.", "menu.")) and of not in {"button.same", "menu.title"}:
            label = said(language, key)
            assert not is_cut(f"☐ {label}" if of.startswith(ticked) else label, 1), (key, label)


# --- Lines ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_sign_lines_fit_with_their_bullet(language):
    for question in PROTOCOL.questions.values():
        for line in question.signs.lines if question.signs is not None else ():
            assert len(f"• {said(language, sign_key(question, line.id))}") <= MAX_SIGN_LENGTH


# --- "I have called" says nothing of an answer ------------------------------------------------------------------------

ANSWERED = {"en": r"if someone spoke with you", "es": r"si alguien habló con usted", "ru": r"если с вами говорили"}
NOT_ANSWERED = {
    "en": r"no answer .*\? go to the emergency department",
    "es": r"nadie contesta.*\? vaya a urgencias",
    "ru": r"(никто не ответил|нет ответа)[^.]*\? поезжайте в приёмное отделение",
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("tier", ["urgent", "soon"])
def test_who_has_called_reads_what_to_do_if_nobody_answered(language, tier):
    text = said(language, f"call.reply.called.{tier}").lower()
    assert re.search(ANSWERED[language], text)
    assert re.search(NOT_ANSWERED[language], text)
