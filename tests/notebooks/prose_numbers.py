"""The rule that every number worth checking in a notebook's prose is stated or shown by a code cell nearby."""

import re
from dataclasses import dataclass

from notebook_rules import raw_text, text_outputs

_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺−", "0123456789-+-")
_SPACE = "\u202f\u2009\u00a0"  # narrow and fixed spaces, which may group digits by three
_WHOLE = rf"(?:\d{{1,3}}(?:(?:,|_|\{{,\}}|\\,|[{_SPACE}])\d{{3}})+(?![\d])|\d+(?:_\d+)*)"
_EXPONENT = r"(?:\^\s*\{\s*([-−+]?\d+)\s*\}|\^(\d)|([⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)|\s?\*\*\s?\(?(-?\d+))"
_NUMBER = re.compile(
    rf"(?<![\w.])(?:(?:(?P<factor>\d+(?:\.\d+)?)\s*(?:×|·|\\times|\\cdot|\*)\s*)?10(?:\.0?)?{_EXPONENT}"
    rf"|(?P<whole>{_WHOLE})(?P<fraction>\.\d*)?(?:[eE](?P<e>[+-−]?\d+))?)"
    rf"(?P<percent>[ {_SPACE}]?(?:\\[,;: ])?\\?%)?"
)
_ROUGHLY = re.compile(
    r"(?:\b(?:about|some|roughly|around|nearly|almost|over|approximately)\s+|[≈~]\s*|\\approx\s*)$", re.I
)


@dataclass(frozen=True)
class Number:
    """A number in a text: its value, half a unit of its last digit, and how it is written."""

    value: float
    half: float
    text: str
    start: int
    percent: bool = False
    scientific: bool = False

    @property
    def must_be_covered(self):
        digits = re.sub(r"\D", "", self.text)
        return self.percent or self.scientific or len(digits) >= 3 or bool(re.search(r"\d\.\d", self.text))


def numbers_in(text):
    """All numbers of a text, without their signs."""
    found = []
    for match in _NUMBER.finditer(text):
        power = next((group for group in match.groups()[1:5] if group), None)
        if power is not None:
            scale, factor = 10.0 ** int(power.translate(_SUPERSCRIPT)), match["factor"] or "1"
        else:
            scale = 10.0 ** int((match["e"] or "0").translate(_SUPERSCRIPT))
            factor = re.sub(r"\D", "", match["whole"]) + (match["fraction"] or "")
        decimals = len(factor.partition(".")[2])
        half = 0.5 * 10.0**-decimals
        if decimals == 0 and scale == 1 and _ROUGHLY.search(text[: match.start()]):
            half *= 10.0 ** (len(factor) - len(factor.rstrip("0")))  # "about 100,000": its zeros promise nothing
        value, scientific = float(factor) * scale, power is not None or match["e"] is not None
        percent = match["percent"] is not None
        found.append(Number(value, half * scale, match[0].strip(), match.start(), percent, scientific))
    return found


def covers(value, number):
    """Whether a value from a cell is, at the precision of the prose, the number in the prose."""
    slack = number.half * (1 + 1e-9) + 1e-12 * abs(number.value)
    return abs(value - number.value) <= slack or (number.percent and abs(100 * value - number.value) <= slack)


def values_in_code(source, outputs):
    """All values that a cell states in its code, comments left out, or shows in its text outputs."""
    # a comment proves nothing
    code = re.sub(r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|#[^\n]*""", lambda match: match[1] or "", source)
    values = {int(text, 16) for text in re.findall(r"\b0[xX]([0-9a-fA-F]+)\b", code)}
    for number in (number for text in (code, *outputs) for number in numbers_in(text)):
        values |= {number.value, number.value / 100} if number.percent else {number.value}
    return values


# ---------------------------------------------------------------------------------------------------- the prose

_LEAVES = {"heading", "paragraph", "block_text", "table_cell", "block_html", "block_math"}  # they hold text themselves
_YEAR = r"(?:1[89]|20)\d\d"
_NO_CLAIM = re.compile(
    rf"\bet al\.,? \(?{_YEAR}|\b[Ii]n {_YEAR}(?![\d,.]\d)|\b[Ss]ince {_YEAR}|[a-z] \({_YEAR}\)"
    r"|\barXiv:\s?\d+\.\d+|\b(?:Python|NumPy|[Vv]ersion|BY-SA) \d+(?:\.\d+)*"
    r"|\b[Ee]xercises? \d+(?:\.\d+)*|\b[Nn]otebooks? \d\d\b"
)
_NO_CLAIMS = ("exercises", "further reading", "where to go next")  # headings of whole sections


def leaves(blocks):
    for block in blocks:
        if block["type"] in _LEAVES:
            yield block
        else:
            yield from leaves(block.get("children", []))


def prose(block, is_first=False):
    """A block's text without what claims nothing: code, addresses, years, counts of exercises and of minutes."""
    text = "".join(map(_shown, block.get("children", [block])))
    if block["type"] == "heading":
        text = re.sub(r"^(?:Solutions to )?\d\d · .*|^\d+(?:\.\d+)*\.? ", "", text)
    elif block.get("children", [{}])[0].get("type") == "strong":
        text = re.sub(r"^\d+\.\d+\.?(?= |$)", "", text)  # an exercise: **3.1** or **3.1 Title**
    text = re.sub(r"\([^()]*\)", lambda match: re.sub(rf"(?<![\d.,]){_YEAR}[a-z]?(?=[),;])", "", match[0]), text)
    text = _NO_CLAIM.sub(" ", text)
    return re.sub(r"\d+(?:\s?[–-]\s?\d+)? minutes", " ", text) if is_first else text


def _shown(token):
    kind, text = token["type"], raw_text([token])
    if kind in ("softbreak", "linebreak"):
        return "\n"
    if kind in ("codespan", "inline_html"):
        return " "
    if kind == "block_html":
        return re.sub(r"<!--.*?-->|<[^>]*>", " ", text, flags=re.DOTALL)
    if kind == "link":
        url = token["attrs"]["url"]
        if text == url or re.match(r"\d\d ", text) and ".ipynb" in url:  # an address, the title of a notebook
            return " "
    return "".join(map(_shown, token["children"])) if "children" in token else text


def every_number_in_the_prose_is_covered_by_a_cell(page):
    """Every number worth checking must stand in, or be shown by, a code cell of its section or of a neighboring one.

    A section goes from one ## heading to the next. Worth checking: decimals, percentages, numbers of three digits
    or more, powers of ten; in formulas too. Left out are questions, whose numbers are not claims, and the sections
    that state exercises and name other texts. A summary may lean on any cell of its notebook.
    """
    section, skipping, summary = 0, None, None
    claims, values = [], {}
    markdown = dict(page.markdown)
    for number, cell in page.cells:
        if cell["cell_type"] == "code":
            outputs = [text_outputs(output) for output in cell.get("outputs", [])]
            values.setdefault(section, set()).update(values_in_code(cell["source"], outputs))
        for block in leaves(markdown.get(number, [])):
            if block["type"] == "heading":
                level, title = block["attrs"]["level"], raw_text([block]).lower()
                section += level == 2
                if skipping is None or level <= skipping:
                    skipping = level if title.startswith(_NO_CLAIMS) else None
                if level == 2:
                    summary = section if title == "summary" else None
            if skipping is None:
                places = range(section + 1) if section == summary else range(section - 1, section + 2)
                text = prose(block, is_first=number == 1)
                claims += [(places, number, found, sentence_around(text, found.start)) for found in numbers_in(text)]
    for places, number, found, sentence in claims:
        is_shown = any(covers(value, found) for place in places for value in values.get(place, ()))
        if found.must_be_covered and not is_shown and not sentence.endswith("?"):
            yield number, f"no code cell nearby shows {found.text}: {sentence}"


def sentence_around(text, position):
    """The sentence at a position, on one line."""
    start = max((match.end() for match in re.finditer(r"[.!?:]\s", text[:position])), default=0)
    end = re.search(r"[.!?](?:\s|$)", text[position:])
    return " ".join(text[start : position + end.end() if end else len(text)].split())
