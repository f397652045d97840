"""What must hold of a notebook as a file. Each rule takes a Page and returns its complaints, one sentence each.

The course's notebooks are held to them in test_notebooks.py; that each rule can fail is shown there too.
"""

import ast
import base64
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]
LONGEST_CELL, LARGEST_MEDIAN = 20, 6
LARGEST_PICTURE = 60_000
SHORTEST_ALT = 20


@dataclass
class Page:
    """A notebook as it is stored, and where; links are followed no further than root."""

    path: Path
    content: dict
    root: Path = ROOT

    @classmethod
    def read(cls, path, root=ROOT):
        return cls(Path(path), json.loads(Path(path).read_text(encoding="utf-8")), root)

    @property
    def cells(self):
        """(number from 1, cell) of all cells."""
        return list(enumerate(self.content["cells"], start=1))

    @property
    def code(self):
        """(number, cell, source) of the code cells that are not empty."""
        cells = [(n, cell, source_of(cell)) for n, cell in self.cells if cell["cell_type"] == "code"]
        return [(n, cell, source) for n, cell, source in cells if source.strip()]

    @property
    def markdown(self):
        """(number, text) of the markdown cells."""
        return [(n, source_of(cell)) for n, cell in self.cells if cell["cell_type"] == "markdown"]

    @property
    def outputs(self):
        """(number, output) of all outputs."""
        return [(n, output) for n, cell in self.cells for output in cell.get("outputs", [])]

    @cached_property
    def headings(self):
        """(number of the cell, level, text) of all headings."""
        return [(number, *found) for number, text in self.markdown for found in headings_in(text)]


def source_of(cell):
    return joined(cell["source"])


def joined(text):
    """Stored text may be a string or a list of lines."""
    return text if isinstance(text, str) else "".join(text)


def blank(pattern, text, flags=0):
    """The text with all matches replaced by as many spaces, so that positions stay what they are."""
    return re.sub(pattern, lambda match: re.sub(r"[^\n]", " ", match[0]), text, flags=flags)


def blank_blocks(text):
    """Markdown without its fenced blocks of code."""
    return blank(r"^[ >]*(```+|~~~+).*?^[ >]*\1[ \t]*$", text, re.MULTILINE | re.DOTALL)


def blank_code(text):
    """Markdown without its code: fenced blocks and code spans."""
    text = blank_blocks(text)
    return blank(r"(?<!`)(`+)(?!`)(?:.(?!\n\n))*?[^`]\1(?!`)", text, re.DOTALL)


def headings_in(text):
    """(level, text) of the headings in Markdown; the text may hold code spans, so those are not blanked out first."""
    found = re.finditer(r"^(#{1,6})[ \t]+(.+?)[ \t]*#*$", blank_blocks(text), re.MULTILINE)
    return [(len(match[1]), match[2]) for match in found]


def text_outputs(output):
    """All text that an output shows, as one string; pictures and widgets are none."""
    texts = [joined(output.get("text", ""))]
    for kind, data in output.get("data", {}).items():
        if kind == "text/html":
            texts.append(re.sub(r"<style.*?</style>|<script.*?</script>|<[^>]*>", " ", joined(data), flags=re.DOTALL))
        elif kind.startswith("text/"):
            texts.append(joined(data))
    return "\n".join(texts)


def parsed(source):
    """The syntax tree of a cell; IPython's own commands are left out. None when it is not Python."""
    try:
        return ast.parse(re.sub(r"^\s*[%!].*$", "pass", source, flags=re.MULTILINE))
    except SyntaxError:
        return None


# ------------------------------------------------------------------------------------------------ was it run?


def every_cell_was_run_in_order(page):
    """nbval does not compare a cell that was not run: without this, a cleared notebook would be green."""
    wanted = enumerate((entry for entry in page.code), start=1)
    return [
        f"cell {number}: execution count {cell.get('execution_count')} and not {count}; run `make notebooks`"
        for count, (number, cell, _) in wanted
        if cell.get("execution_count") != count
    ]


# methods and functions that return None: a cell may end with them and show nothing
_SILENT = {"append", "extend", "insert", "sort", "shuffle", "fill", "save", "step", "update", "add", "remove", "close"}


def every_cell_that_shows_something_has_its_output(page):
    """A cell that prints, or that ends with an expression, must have an output."""
    return [
        f"cell {number}: it shows something, but its output is not stored; run `make notebooks`"
        for number, cell, source in page.code
        if shows_something(source) and not cell.get("outputs")
    ]


def shows_something(source):
    tree = parsed(source)
    if tree is None or not tree.body:
        return False
    last = tree.body[-1]
    if isinstance(last, ast.Expr):
        if not isinstance(last.value, ast.Call):
            return not (isinstance(last.value, ast.Constant) and last.value.value is None)
        name = called_name(last.value)
        if name not in _SILENT and not name.startswith("assert"):
            return True
    return any(called_name(node) in ("print", "display") for node in at_once(tree) if isinstance(node, ast.Call))


def called_name(call):
    return getattr(call.func, "attr", None) or getattr(call.func, "id", "")


def at_once(node):
    """All nodes that run when the cell does: not those inside a function."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            yield child
            yield from at_once(child)


def no_output_is_an_error(page):
    return [
        f"cell {number}: the stored output is an error: {output.get('ename')}: {output.get('evalue')}"
        for number, output in page.outputs
        if output["output_type"] == "error"
    ]


def no_output_is_ignored_without_an_assertion(page):
    """What nbval is told not to compare must be asserted; nothing may be skipped."""
    complaints = []
    for number, cell, source in page.code:
        tags = set(cell.get("metadata", {}).get("tags", []))
        marks = set(re.findall(r"^\s*#+\s*((?:NBVAL_|PYTEST_VALIDATE_)\w+)", source, re.MULTILINE))
        if "nbval-skip" in tags or marks & {"NBVAL_SKIP"}:
            complaints.append(f"cell {number}: skipped by nbval")
        ignored = "nbval-ignore-output" in tags or marks & {"NBVAL_IGNORE_OUTPUT", "PYTEST_VALIDATE_IGNORE_OUTPUT"}
        if ignored and not asserts(source):
            complaints.append(f"cell {number}: its output is not compared, and nothing is asserted in it")
    return complaints


def asserts(source):
    """Whether the cell itself, and not only a function defined in it, asserts something."""
    return any(
        isinstance(node, ast.Assert) or isinstance(node, ast.Call) and called_name(node).startswith("assert")
        for node in at_once(parsed(source) or ast.Module([], []))
    )


def no_cell_prints_how_long_it_took(page):
    complaints = [
        f"cell {n}: {match[0].strip()}: a time is never the same twice"
        for n, _, source in page.code
        if (match := re.search(r"^\s*%{1,2}(time|timeit|prun)\b|\bget_ipython\(\)\.run_\w*magic", source, re.MULTILINE))
    ]
    times = re.compile(r"\bWall time:|\bCPU times:|\bper loop \(|\d+%\|.*\|")  # the last: a progress bar
    return complaints + [
        f"cell {n}: its output holds a time or a progress bar" for n, o in page.outputs if times.search(text_outputs(o))
    ]


# ------------------------------------------------------------------------------------ does it fit every machine?

_ABSOLUTE = re.compile(
    r"(?<![\w./~)\]}-])/(?:home|Users|root|tmp|usr|opt|var|mnt|work|private|content|srv)(?=[/\s'\")]|$)"
    r"|(?<!\w)[A-Za-z]:\\+\w|\bfile://",
    re.MULTILINE,
)


def no_absolute_path(page):
    texts = [(number, source_of(cell)) for number, cell in page.cells]
    texts += [(number, text_outputs(output)) for number, output in page.outputs]
    texts += [(number, joined(output.get("traceback", ""))) for number, output in page.outputs]
    return [
        f"cell {number}: absolute path: {text[match.start() : match.start() + 60].splitlines()[0]}"
        for number, text in texts
        if (match := _ABSOLUTE.search(text))
    ]


def no_widget_is_stored(page):
    """Without a kernel a stored widget shows as "model not found"."""
    complaints = ["metadata.widgets is stored; run `make notebooks`"] if "widgets" in page.content["metadata"] else []
    return complaints + [
        f"cell {number}: a widget is stored instead of its still picture; run `make notebooks`"
        for number, output in page.outputs
        if "application/vnd.jupyter.widget-view+json" in output.get("data", {})
    ]


# ------------------------------------------------------------------------------------- is it safe to open?

KINDS = {"text/plain", "text/html", "image/png", "image/jpeg"}  # what an output may hold; no JavaScript, no SVG
_EXECUTABLE = re.compile(
    r"<\s*/?(script|iframe|frame|object|embed|applet|form|meta|base|link|svg|math)\b"
    r"|<[a-z][^<]*[\s/\"']on[a-z]+\s*=|(?:javascript|vbscript)\s*:|data\s*:\s*(?:text/html|image/svg)|\bsrcdoc\s*=",
    re.IGNORECASE,
)


def nothing_stored_can_execute(page):
    """Opening a notebook must run nothing: no JavaScript in what is stored, nothing marked as trusted or to be run."""
    complaints = ["the notebook's metadata say that it is trusted"] if _is_marked(page.content["metadata"]) else []
    for number, cell in page.cells:
        if _is_marked(cell.get("metadata", {})):
            complaints.append(f"cell {number}: its metadata say that it is trusted, or to be run when it is opened")
        kinds = {kind for data in cell.get("attachments", {}).values() for kind in data}
        texts = [blank_code(source_of(cell))] if cell["cell_type"] == "markdown" else []
        texts += [source_of(cell)] if cell["cell_type"] == "raw" else []
        for output in cell.get("outputs", []):
            kinds |= set(output.get("data", {})) - {"application/vnd.jupyter.widget-view+json"}  # has its own rule
            texts += [joined(data) for kind, data in output.get("data", {}).items() if kind == "text/html"]
            if _is_marked(output.get("metadata", {})):
                complaints.append(f"cell {number}: an output is marked as trusted")
        complaints += [f"cell {number}: {kind} is stored; allowed: {', '.join(KINDS)}" for kind in kinds - KINDS]
        complaints += [
            f"cell {number}: a page that shows this may execute it: {match[0][:60]}"
            for text in texts
            if (match := _EXECUTABLE.search(text))
        ]
    return complaints


def _is_marked(metadata):
    return bool({"trusted", "signature", "init_cell"} & set(metadata))


# ----------------------------------------------------------------------------------------- can everybody read it?


def one_title_and_no_level_skipped(page):
    levels = [(number, level, text) for number, level, text in page.headings]
    titles = [number for number, level, _ in levels if level == 1]
    complaints = []
    if titles != [1]:
        complaints.append(f"there must be exactly one title (# …), in the first cell; found in cells {titles}")
    for (_, above, _), (number, level, text) in zip(levels, levels[1:], strict=False):
        if level > above + 1:
            complaints.append(f"cell {number}: the heading {text!r} skips a level (from {above} to {level})")
    return complaints


def every_picture_has_alt_text(page):
    complaints = []
    for number, output in page.outputs:
        for kind in [kind for kind in output.get("data", {}) if kind.startswith("image/")]:
            metadata = output.get("metadata", {}).get(kind, {})
            alt = metadata.get("alt", "") if isinstance(metadata, dict) else ""
            if len(alt.strip()) < SHORTEST_ALT:
                complaints.append(f"cell {number}: a picture's alt text is {alt!r}; at least {SHORTEST_ALT} characters")
            elif alt not in joined(output["data"].get("text/plain", "")):
                complaints.append(f"cell {number}: the text/plain beside the picture does not hold its alt text")
    for number, text in page.markdown:
        text = blank_code(text)
        complaints += [
            f"cell {number}: the image {match[2]} has no alt text"
            for match in re.finditer(r"!\[([^\]]*)\]\(([^)]*)\)", text)
            if not match[1].strip()
        ]
        complaints += [
            f"cell {number}: {match[0]} has no alt text"
            for match in re.finditer(r"<img\b[^>]*>", text)
            if not re.search(r"""\balt=(["']).*?\S.*?\1""", match[0])
        ]
    return complaints


def no_picture_is_large(page):
    pictures = [(number, output.get("data", {})) for number, output in page.outputs]
    pictures += [(number, data) for number, cell in page.cells for data in cell.get("attachments", {}).values()]
    complaints = []
    for number, data in pictures:
        for kind, picture in data.items():
            if kind.startswith("image/"):
                picture = joined(picture)
                size = len(picture.encode()) if kind == "image/svg+xml" else len(base64.b64decode(picture))
                if size > LARGEST_PICTURE:
                    complaints.append(f"cell {number}: a picture of {size:,} bytes; at most {LARGEST_PICTURE:,}")
    return complaints


def cells_are_short(page):
    lengths = {number: len(source.strip("\n").splitlines()) for number, _, source in page.code}
    complaints = [
        f"cell {number}: {length} lines of code; at most {LONGEST_CELL}"
        for number, length in lengths.items()
        if length > LONGEST_CELL
    ]
    if lengths and median(lengths.values()) > LARGEST_MEDIAN:
        complaints.append(f"half of the code cells are longer than {median(lengths.values())} lines: split some")
    return complaints


# --------------------------------------------------------------------------------------------------------- links


def every_link_leads_somewhere(page):
    """Files and headings are looked up; addresses on the web are only looked at, never fetched."""
    return [
        f"cell {number}: the link {target}: {reason}"
        for number, text in page.markdown
        for target in link_targets(text)
        if (reason := broken(page, target))
    ]


def link_targets(text):
    text = blank_code(text)
    found = [match[1] for match in re.finditer(r"\]\(\s*<?((?:[^()\s<>]|\([^()\s]*\))*)", text)]
    found += re.findall(r"<([a-z][a-z0-9+.-]*:[^>\s]*)>", text)
    found += re.findall(r"^[ ]{0,3}\[[^\]^]+\]:\s*<?([^\s>]+)", text, re.MULTILINE)
    found += [match[2] for match in re.finditer(r"""\b(?:href|src)=(["'])(.*?)\1""", text)]
    return found


def broken(page, target):
    """Why a link leads nowhere; an empty string when it leads somewhere."""
    try:
        parts = urlsplit(target)
    except ValueError as error:
        return str(error)
    if parts.scheme == "attachment":
        return ""
    if parts.scheme or parts.netloc:
        host = parts.hostname or ""
        well_formed = re.fullmatch(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}", host)
        return "" if parts.scheme == "https" and well_formed else "only well-formed https addresses"
    if not target:
        return "it is empty"
    file = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
    if parts.path.startswith("/") or not file.is_relative_to(page.root.resolve()):
        return "it leaves the repository"
    if parts.path and not exists_exactly(file, page.root.resolve()):
        return "there is no such file"
    if parts.fragment and unquote(parts.fragment) not in anchors(page, file):
        return "there is no such heading"
    return ""


def exists_exactly(file, root):
    """Whether a file is there under this very name: some systems do not mind about capitals, others do."""
    while file != root:
        if not file.parent.is_dir() or file.name not in {entry.name for entry in file.parent.iterdir()}:
            return False
        file = file.parent
    return True


def anchors(page, file):
    """The anchors that a file's headings make: JupyterLab's in a notebook, GitHub's in a Markdown file."""
    if file.suffix == ".ipynb":
        other = page if file == page.path else Page.read(file, page.root)
        return {plain(text).replace(" ", "-") for _, _, text in other.headings}
    if file.suffix == ".md":
        texts = [text for _, text in headings_in(file.read_text(encoding="utf-8"))]
        return {re.sub(r"[^\w\- ]", "", plain(text).lower()).replace(" ", "-") for text in texts}
    return set()


def plain(text):
    """A heading as it is shown: without the marks for code, emphasis and links."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"(`+|\*+|(?<!\w)_+|_+(?!\w))", "", text)


# ------------------------------------------------------------------------------------------ numbers in the prose

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
        written = match[0].strip()
        power = next((group for group in match.groups()[1:5] if group), None)
        if power is not None:
            scale = 10.0 ** int(power.translate(_SUPERSCRIPT))
            factor = match["factor"] or "1"
        else:
            scale = 10.0 ** int((match["e"] or "0").translate(_SUPERSCRIPT))
            factor = re.sub(r"\D", "", match["whole"]) + (match["fraction"] or "")
        decimals = len(factor.partition(".")[2])
        half = 0.5 * 10.0**-decimals
        if decimals == 0 and scale == 1 and _ROUGHLY.search(text[: match.start()]):
            half *= 10.0 ** (len(factor) - len(factor.rstrip("0")))  # "about 100,000": its zeros promise nothing
        found.append(
            Number(
                float(factor) * scale,
                half * scale,
                written,
                match.start(),
                match["percent"] is not None,
                power is not None or match["e"] is not None,
            )
        )
    return found


def covers(value, number):
    """Whether a value from a cell is, at the precision of the prose, the number in the prose."""
    slack = number.half * (1 + 1e-9) + 1e-12 * abs(number.value)
    return abs(value - number.value) <= slack or (number.percent and abs(100 * value - number.value) <= slack)


def values_in_code(source, outputs):
    """All values that a cell states in its code, comments left out, or shows in its text outputs."""
    code = without_comments(source)
    values = {int(text, 16) for text in re.findall(r"\b0[xX]([0-9a-fA-F]+)\b", code)}
    for text in (code, *outputs):
        for number in numbers_in(text):
            values.add(number.value)
            if number.percent:
                values.add(number.value / 100)
    return values


def without_comments(source):
    """A comment proves nothing."""
    return re.sub(r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|#[^\n]*""", lambda match: match[1] or "", source)


def prose_only(text, is_first):
    """A markdown cell's prose with all else blanked out: code, addresses, years, counts of exercises and minutes."""
    text = blank_code(text)
    titles = r"^# (?:Solutions to )?\d\d · .*$|\[\d\d [^\]]*\](?=\([^()\s]*\.ipynb\))"
    text = blank(titles, text, re.MULTILINE)
    text = blank(r"(?<=\])\((?:[^()\n]|\([^()\n]*\))*\)", text)  # where a link leads
    text = blank(r"<!--.*?-->|</?[a-zA-Z][^>]*>|<https?:[^>]*>|https?://\S+", text, re.DOTALL)
    text = blank(r"^[ ]{0,3}\[[^\]]+\]:.*$", text, re.MULTILINE)
    year = r"(?:1[89]|20)\d\d"
    text = re.sub(r"\([^()]*\)", lambda match: blank(rf"(?<![\d.,]){year}[a-z]?(?=[),;])", match[0]), text)
    text = blank(rf"\bet al\.,? \(?{year}|\b[Ii]n {year}(?![\d,.]\d)|\b[Ss]ince {year}|[a-z] \({year}\)", text)
    text = blank(r"\barXiv:\s?\d+\.\d+|\b(?:Python|NumPy|[Vv]ersion|BY-SA) \d+(?:\.\d+)*", text)
    text = blank(r"^(?:- |\d+\. )?\*\*\d\.\d+\.?(?=[ *])", text, re.MULTILINE)  # an exercise: **3.1** or **3.1 Title**
    text = blank(r"^#{1,6} +\d+(?:\.\d+)*\.? |\b[Ee]xercises? \d+(?:\.\d+)*|\b[Nn]otebooks? 0\d", text, re.MULTILINE)
    return blank(r"\d+(?:\s?[–-]\s?\d+)? minutes", text) if is_first else text


NO_CLAIMS = ("exercises", "further reading", "where to go next")


def every_number_in_the_prose_is_covered_by_a_cell(page):
    """Every number worth checking must stand in, or be shown by, a code cell of its section or of a neighbouring one.

    A section goes from one ## heading to the next. Worth checking: decimals, percentages, numbers of three digits
    or more, powers of ten; in formulas too. Left out are questions, whose numbers are not claims, and the sections
    that state exercises and name other texts. A summary may lean on any cell of its notebook.
    """
    section, skipping, summary = 0, None, None
    prose, values = [], {}
    for number, cell in page.cells:
        if cell["cell_type"] == "code":
            outputs = [text_outputs(output) for output in cell.get("outputs", [])]
            values.setdefault(section, set()).update(values_in_code(source_of(cell), outputs))
        elif cell["cell_type"] == "markdown":
            text = source_of(cell)
            cuts = [match.start() for match in re.finditer(r"^#{1,6}\s", blank_code(text), re.MULTILINE)]
            starts = sorted({0, *cuts})
            shown = prose_only(text, is_first=number == 1)
            for start, stop in zip(starts, [*starts[1:], len(text)], strict=True):
                if start in cuts:
                    heading = re.match(r"(#+)\s+(.*)", text[start:])
                    level = len(heading[1])
                    section += level == 2
                    if skipping is None or level <= skipping:
                        skipping = level if heading[2].lower().startswith(NO_CLAIMS) else None
                    if level == 2:
                        summary = section if heading[2].lower() == "summary" else None
                if skipping is None:
                    places = range(section + 1) if section == summary else range(section - 1, section + 2)
                    prose += [(places, number, found, text) for found in numbers_in_part(shown, start, stop)]
    return [
        f"cell {cell}: no code cell nearby shows {found.text}: {sentence_around(text, found.start)}"
        for places, cell, found, text in prose
        if found.must_be_covered
        and not any(covers(value, found) for place in places for value in values.get(place, ()))
        and not sentence_around(text, found.start).rstrip("*").endswith("?")
    ]


def numbers_in_part(text, start, stop):
    return [number for number in numbers_in(text[:stop]) if number.start >= start]


def sentence_around(text, position):
    """The sentence at a position, on one line."""
    start = max((match.end() for match in re.finditer(r"[.!?:]\s|\n\s*\n|\|", text[:position])), default=0)
    end = re.search(r"[.!?](?:\s|$)|\n\s*\n|\|", text[position:])
    return " ".join(text[start : position + end.end() if end else len(text)].split())


RULES = [
    every_cell_was_run_in_order,
    every_cell_that_shows_something_has_its_output,
    no_output_is_an_error,
    no_output_is_ignored_without_an_assertion,
    no_cell_prints_how_long_it_took,
    no_absolute_path,
    no_widget_is_stored,
    nothing_stored_can_execute,
    one_title_and_no_level_skipped,
    every_picture_has_alt_text,
    no_picture_is_large,
    cells_are_short,
    every_link_leads_somewhere,
    every_number_in_the_prose_is_covered_by_a_cell,
]
