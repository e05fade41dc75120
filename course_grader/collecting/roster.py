"""Who is in the class: students by id, name, e-mail and the number that a learning platform gives them."""

import csv
import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from course_grader.job import GraderError

# Headers of Moodle, Canvas and nbgrader, in lower case and with spaces for "_"; the first one counts.
ACCOUNTS = ("github username", "github")
IDS = ("student id", "sis login id", "id number", "username", "id", "sis user id", *ACCOUNTS)
EMAILS = ("email address", "email", "e-mail")
NAMES = ("full name", "fullname", "name", "student")
FIRST_NAMES = ("first name", "firstname", "given name")
LAST_NAMES = ("last name", "lastname", "surname", "family name")
TIMES = ("last modified (submission)", "submitted at", "submitted", "handed in", "timestamp", "time")
OF_CANVAS = {"sis login id", "sis user id"}  # beside these, ID is Canvas' own number
TIME_FORMS = (
    "%A, %d %B %Y, %I:%M %p",  # Moodle in English, and in American English
    "%A, %B %d, %Y, %I:%M %p",
    "%A, %d %B %Y, %H:%M",
    "%A, %B %d, %Y, %H:%M",
)
NO_TIME = ("", "-", "never")
# As the name of a folder, and on the formgrader's pages, which show it as it is.
USABLE = re.compile(r"""(?!\.)[^\x00-\x1f\x7f/\\<>"\ud800-\udfff]{1,128}""")
MARKUP = str.maketrans("", "", "<>")  # may be in a name that a student chose, and would act on those pages


@dataclass(frozen=True)
class Person:
    """A student. number: of the platform. account: on GitHub. handed_in: when, in UTC.

    Empty and None: not known.
    """

    id: str
    name: str = ""
    email: str = ""
    number: str = ""
    handed_in: datetime | None = None
    account: str = ""


@dataclass(frozen=True)
class Who:
    """A student as an upload names one: perhaps by number, and by texts that may be an id or a name."""

    texts: tuple[str, ...]
    number: str = ""

    def __str__(self) -> str:
        return self.texts[0]


class Unknown(Exception):
    """Nobody, or more than one student, is meant; the message says who comes close."""


class Roster:
    """The students of a class. source: what the list was read from, for sentences."""

    def __init__(self, people: Iterable[Person], source: str) -> None:
        self.people, self.source = list(people), source
        self._by_id = {person.id: person for person in self.people}
        self._by_number = {person.number: person for person in self.people if person.number}
        self._by_text: dict[str, list[Person]] = {}
        for person in self.people:
            for text in _texts(person):
                self._by_text.setdefault(text, []).append(person)

    def find(self, who: Who) -> Person:
        """The student who is meant: by number, or by the exact id, or by a name, whatever its word order.

        Raises Unknown.
        """
        if who.number in self._by_number:
            return self._by_number[who.number]
        for text in who.texts:
            found = [self._by_id[text]] if text in self._by_id else self._by_text.get(plain(text), [])
            if len(found) > 1:
                ids = ", ".join(person.id for person in found)
                raise Unknown(f"{text!r} may be each of {ids} in {self.source}: rename it to the id")
            if found:
                return found[0]
        raise Unknown(f"nobody in {self.source} is called {who.texts[0]!r}{self._close(who)}")

    def _close(self, who: Who) -> str:
        near = difflib.get_close_matches(plain(who.texts[0]), self._by_text, n=1, cutoff=0.7)
        if not near:
            return ""
        person = self._by_text[near[0]][0]
        return f" (is it {person.id}, {person.name}?)" if person.name else f" (is it {person.id}?)"


def first_and_last(name: str) -> tuple[str, str]:
    """The first names and the last name in a full name: "Ada Lovelace", or "Lovelace, Ada"."""
    if "," in name:
        last, _, first = name.partition(",")
    else:
        first, _, last = name.strip().rpartition(" ")
    return first.strip(), last.strip()


def plain(text: str) -> str:
    """A name without its accents, case, spaces and punctuation, as platforms write it in different ways."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in parts if letter.isalnum())


def _texts(person: Person) -> set[str]:
    """All that may name a student: the words of the name begin with any of them, as last names come first."""
    words = person.name.replace(",", " ").split()
    names = {plain("".join(words[k:] + words[:k])) for k in range(len(words))}
    return (names | {plain(person.id), plain(person.email), plain(person.account)}) - {""}


def read(path: Path, *, zone: ZoneInfo | None, known: Iterable[Person] = ()) -> Roster:
    """The students in a CSV file.

    It is a grading worksheet or a list of participants of Moodle, an export of Canvas' gradebook, or has
    columns `id`, `name` (or `first_name` and `last_name`) and `email`.

    zone: of times without one; None is this machine's. known: students of the gradebook; where the file has
    e-mails and no ids, the ids come from there, or else the e-mail is the id. Raises GraderError.
    """
    ids = {person.email.casefold(): person.id for person in known if person.email}
    people = []
    for number, row in _rows(path):
        person = _person(row, zone, f"{path.name}, line {number}")
        if not person.id and person.email:
            person = replace(person, id=ids.get(person.email.casefold(), person.email))
        if not person.id:
            continue  # the points possible of Canvas, and who has no account yet
        if not USABLE.fullmatch(person.id):
            raise GraderError(f"{path.name}, line {number}: {person.id!r} cannot be the id of a student")
        people.append(person)
    if not people:
        raise GraderError(
            f"{path.name} names no students: its first line needs `id` or `email`, and a column with names; "
            "download it with Moodle or Canvas set to English"
        )
    seen: dict[str, Person] = {}
    for person in people:
        if seen.setdefault(person.id, person) != person:
            raise GraderError(f"{path.name} has two lines for the id {person.id!r}: each student needs one")
    return Roster(seen.values(), path.name)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, header in lower case -> value) of a CSV file with commas, semicolons or tabs."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise GraderError(f"{path} cannot be read ({error.strerror})") from None
    for encoding in ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252"):
        try:
            lines = content.decode(encoding).splitlines()
            break
        except UnicodeDecodeError:
            continue
    else:
        raise GraderError(f"{path} is not a CSV file in UTF-8: save it as one")
    separator = max(",;\t", key=lines[0].count) if lines else ","
    reader = csv.reader(lines, delimiter=separator)
    header = [" ".join(name.replace("_", " ").casefold().split()) for name in next(reader, [])]
    for values in reader:
        yield reader.line_num, dict(zip(header, (value.strip() for value in values), strict=False))


def _person(row: dict[str, str], zone: ZoneInfo | None, where: str) -> Person:
    canvas = bool(OF_CANVAS & row.keys())
    first, last = _first(row, FIRST_NAMES), _first(row, LAST_NAMES)
    number = row.get("id", "") if canvas else ""
    if "full name" in row:  # a worksheet of Moodle, which says "Participant 123"
        number = "".join(re.findall(r"\d+$", row.get("identifier", "")))
    return Person(
        id=_first(row, [name for name in IDS if not (canvas and name == "id")]),
        name=(" ".join(filter(None, [first, last])) or _first(row, NAMES)).translate(MARKUP),
        email=_first(row, EMAILS),
        number=number,
        handed_in=parse_time(_first(row, TIMES), zone, where),
        account=_first(row, ACCOUNTS),
    )


def _first(row: dict[str, str], columns: Iterable[str]) -> str:
    """The value of the first of these columns that has one."""
    return next((row[column] for column in columns if row.get(column)), "")


def parse_time(text: str, zone: ZoneInfo | None, where: str) -> datetime | None:
    """A time as platforms write it, in UTC; None where there is none. Raises GraderError."""
    text = " ".join(text.split())
    if text.casefold() in NO_TIME:
        return None
    with suppress(ValueError):
        return to_utc(datetime.fromisoformat(re.sub(" UTC$", "+00:00", text)), zone)
    for form in TIME_FORMS:
        with suppress(ValueError):
            return to_utc(datetime.strptime(text, form), zone)
    raise GraderError(
        f"{where}: the time {text!r} cannot be read: write it as 2026-12-31 12:00, or download the file from "
        "Moodle with the language set to English"
    )


def to_utc(when: datetime, zone: ZoneInfo | None) -> datetime:
    """A time in UTC and without saying so; zone: of what has none, this machine's if None."""
    if when.tzinfo is None and zone is not None:
        when = when.replace(tzinfo=zone)
    return when.astimezone(UTC).replace(tzinfo=None)
