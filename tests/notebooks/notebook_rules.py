"""What must hold of a notebook as a file. A rule takes a Page and yields its complaints: (number of cell, words)."""

import ast
import base64
import builtins
import dis
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from types import CodeType
from urllib.parse import unquote, urlsplit

import mistune
import nbformat

from tools.address import CELL

ROOT = Path(__file__).resolve().parents[2]
LONGEST_CELL, LARGEST_MEDIAN = 20, 6
LARGEST_PICTURE = 60_000
SHORTEST_ALT = 20
WIDGET = "application/vnd.jupyter.widget-view+json"

parse_markdown = mistune.create_markdown(renderer=None, plugins=["math", "table", "url"])


@dataclass
class Page:
    """A notebook as nbformat reads it, and where it lies; links are followed no further than root."""

    path: Path
    content: dict
    root: Path = ROOT

    @classmethod
    def read(cls, path, root=ROOT):
        return cls(path, nbformat.read(path, as_version=4), root)

    @property
    def cells(self):
        """(number from 1, cell) of all cells."""
        return list(enumerate(self.content["cells"], start=1))

    @property
    def code(self):
        """(number, cell, source) of the code cells that are not empty."""
        return [(n, c, c["source"]) for n, c in self.cells if c["cell_type"] == "code" and c["source"].strip()]

    @cached_property
    def markdown(self):
        """(number, blocks) of the markdown cells."""
        return [(n, parse_markdown(cell["source"])) for n, cell in self.cells if cell["cell_type"] == "markdown"]

    @property
    def outputs(self):
        """(number, output, data) of all outputs; data is empty for printed text."""
        return [(n, out, out.get("data", {})) for n, cell in self.cells for out in cell.get("outputs", [])]


def all_tokens(tokens):
    """Markdown's tokens and all inside of them, in the order of the text."""
    for token in tokens:
        yield token
        yield from all_tokens(token.get("children", []))


def of_kind(tokens, *kinds):
    return [token for token in all_tokens(tokens) if token["type"] in kinds]


def raw_text(tokens):
    """The text of tokens as it is written, code included, marks for emphasis and links left out."""
    raws = (token.get("raw", "\n" if token["type"] == "softbreak" else "") for token in all_tokens(tokens))
    return "".join(raws)


def headings(blocks):
    """(level, text) of all headings."""
    return [(token["attrs"]["level"], raw_text(token["children"])) for token in of_kind(blocks, "heading")]


def tags_in(blocks):
    """All HTML tags."""
    html = "\n".join(token["raw"] for token in of_kind(blocks, "inline_html", "block_html"))
    return re.findall(r"<[a-z][^>]*>", html)


def text_outputs(output):
    """All text that an output shows, as one string; pictures and widgets are none."""
    texts = {kind: text for kind, text in output.get("data", {}).items() if kind.startswith("text/")}
    if "text/html" in texts:
        texts["text/html"] = re.sub(r"<(style|script).*?</\1>|<[^>]*>", " ", texts["text/html"], flags=re.DOTALL)
    return "\n".join([output.get("text", ""), *texts.values()])


def parsed(source):
    """The syntax tree of a cell; IPython's own commands are left out."""
    return ast.parse(re.sub(r"^([ \t]*)[%!].*$", r"\1pass", source, flags=re.MULTILINE))


def at_once(node):
    """All nodes that run when the cell does: not those inside a function."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            yield child
            yield from at_once(child)


def called_name(node):
    """The name of the function that is called; empty for other nodes."""
    function = node.func if isinstance(node, ast.Call) else None
    return getattr(function, "attr", None) or getattr(function, "id", "")


# ------------------------------------------------------------------------------------------------ was it run?


def every_cell_was_run_in_order(page):
    """nbval does not compare a cell that was not run: without this, a cleared notebook would be green."""
    for count, (number, cell, _) in enumerate(page.code, start=1):
        if cell["execution_count"] != count:
            yield number, f"execution count {cell['execution_count']} and not {count}; run `make notebooks`"


def no_output_is_an_error(page):
    for number, output, _ in page.outputs:
        if output["output_type"] == "error":
            yield number, f"the stored output is an error: {output['ename']}: {output['evalue']}"


def no_output_is_ignored_without_an_assertion(page):
    """What nbval is told not to compare must be asserted; nothing may be skipped."""
    for number, cell, source in page.code:
        marks = {*cell["metadata"].get("tags", []), *re.findall(r"^\s*#+\s*(\w+)\s*$", source, re.MULTILINE)}
        if marks & {"nbval-skip", "NBVAL_SKIP"}:
            yield number, "skipped by nbval"
        nodes = list(at_once(parsed(source)))
        asserts = any(isinstance(n, ast.Assert) or called_name(n).startswith("assert") for n in nodes)
        if marks & {"nbval-ignore-output", "NBVAL_IGNORE_OUTPUT", "PYTEST_VALIDATE_IGNORE_OUTPUT"} and not asserts:
            yield number, "its output is not compared, and nothing is asserted in it"


# -------------------------------------------------------------------------------------- can a cell be run again?

_CHANGING = {"append", "extend", "insert", "update", "add", "remove", "discard", "pop", "clear", "sort", "reverse"}


def every_cell_can_run_again(page):
    """A cell that changes what an earlier one made does something else the second time."""
    for number, _, source in page.code:
        needed, bound = names(source)
        nodes = list(at_once(parsed(source)))
        calls = [node.value for node in nodes if isinstance(node, ast.Expr) and called_name(node.value) in _CHANGING]
        changed = [call.func for call in calls] + [node.target for node in nodes if isinstance(node, ast.AugAssign)]
        for name in sorted(needed & (bound | set(map(root_name, changed)))):
            yield number, f"it changes {name}, which an earlier cell made; make a new one, or make it here"


def no_cell_takes_a_name_that_an_earlier_one_needs(page):
    """After Run All, each cell must find what it found the first time."""
    cells, used_by = [], {}
    for number, _, source in page.code:
        needed, bound = names(source)
        used = {name for function in needed for name in used_by.get(function, ())}
        cells.append((number, needed | used - bound, bound))
        used_by |= {name: used | found for name, found in functions(compiled(source)).items()}
    for place, (number, needed, _) in enumerate(cells):
        for later, _, bound in cells[place + 1 :]:
            for name in sorted(needed & bound):
                yield later, f"it takes the name {name}, which cell {number} needs from before; choose another"


def names(source):
    """The names that a cell needs from earlier ones, and those that it binds itself, in the order of its bytecode."""
    needed, bound = set(), set()
    for step in dis.get_instructions(compiled(source)):
        if step.opname == "LOAD_NAME" and step.argval not in bound:
            needed.add(step.argval)
        elif step.opname == "STORE_NAME":
            bound.add(step.argval)
    inside = set().union(*functions(compiled(source)).values()) - bound
    return (needed | inside) - set(dir(builtins)), bound


def functions(code):
    """The globals that each function, lambda or class in some code uses, by the function's name."""
    found = {}
    for inner in [constant for constant in code.co_consts if isinstance(constant, CodeType)]:
        used = {step.argval for step in dis.get_instructions(inner) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
        found[inner.co_name] = found.get(inner.co_name, set()).union(used, *functions(inner).values())
    return found


def compiled(source):
    return compile(parsed(source), "cell", "exec")


def root_name(node):
    """The variable at the root of an expression: net in net.weights[0]."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return getattr(node, "id", None)


# ------------------------------------------------------------------------------------ does it fit every machine?

_ABSOLUTE = re.compile(
    r"(?<![\w./~)\]}-])/(?:home|Users|root|tmp|usr|opt|var|mnt|work|private|content|srv)(?=[/\s'\")]|$)"
    r"|(?<!\w)[A-Za-z]:\\+\w|\bfile://",
    re.MULTILINE,
)


def no_absolute_path(page):
    texts = [(number, cell["source"]) for number, cell in page.cells]
    for number, text in texts + [(number, text_outputs(output)) for number, output, _ in page.outputs]:
        if match := _ABSOLUTE.search(text):
            yield number, f"absolute path: {text[match.start() : match.start() + 60].splitlines()[0]}"


def no_file_is_looked_for_from_the_working_directory(page):
    """It is notebooks/ in JupyterLab, the root of the repository in VS Code, anything in papermill."""
    for number, _, source in page.code:
        if match := re.search(r"""["']\.\./[^"']*""", source):
            yield number, f"{match[0]}: ask course_folder or results_folder where it lies"


def no_widget_is_stored(page):
    """Without a kernel a stored widget shows as "model not found"."""
    if "widgets" in page.content["metadata"]:
        yield 0, "metadata.widgets is stored; run `make notebooks`"
    for number, _, data in page.outputs:
        if WIDGET in data:
            yield number, "a widget is stored instead of its still picture; run `make notebooks`"


# ------------------------------------------------------------------------------------------- is it safe to open?

KINDS = {"text/plain", "text/html", "image/png", "image/jpeg"}  # what an output may hold; no JavaScript, no SVG
_EXECUTABLE = re.compile(
    r"<\s*/?(script|iframe|frame|object|embed|applet|form|meta|base|link|svg|math)\b"
    r"|<[a-z][^<]*[\s/\"']on[a-z]+\s*=|(?:javascript|vbscript)\s*:|data\s*:\s*(?:text/html|image/svg)|\bsrcdoc\s*=",
    re.IGNORECASE,
)


def nothing_stored_can_execute(page):
    """Opening a notebook must run nothing: no JavaScript in what is stored, nothing marked as trusted or to be run."""
    marked = [(0, page.content["metadata"])] + [(number, cell["metadata"]) for number, cell in page.cells]
    for number, metadata in marked + [(number, output.get("metadata", {})) for number, output, _ in page.outputs]:
        if {"trusted", "signature", "init_cell"} & set(metadata):
            yield number, "the metadata say that it is trusted, or to be run when it is opened"
    attached = [(number, data) for number, cell in page.cells for data in cell.get("attachments", {}).values()]
    for number, data in attached + [(number, data) for number, _, data in page.outputs]:
        for kind in set(data) - KINDS - {WIDGET}:  # a widget has its own rule
            yield number, f"{kind} is stored; allowed: {', '.join(KINDS)}"
    texts = [(number, written_outside_code(blocks)) for number, blocks in page.markdown]
    texts += [(number, cell["source"]) for number, cell in page.cells if cell["cell_type"] == "raw"]
    for number, text in texts + [(number, data.get("text/html", "")) for number, _, data in page.outputs]:
        if match := _EXECUTABLE.search(text):
            yield number, f"a page that shows this may execute it: {match[0][:60]}"


def written_outside_code(blocks):
    tokens = [token for token in all_tokens(blocks) if token["type"] not in ("codespan", "block_code")]
    return "".join(token.get("raw", "\n") + token.get("attrs", {}).get("url", "") for token in tokens)


# ----------------------------------------------------------------------------------------- can everybody read it?


def one_title_and_no_level_skipped(page):
    found = [(number, *heading) for number, blocks in page.markdown for heading in headings(blocks)]
    titles = [number for number, level, _ in found if level == 1]
    if titles != [1]:
        yield 1, f"there must be exactly one title (# …), in the first cell; found in cells {titles}"
    for (_, above, _), (number, level, text) in zip(found, found[1:], strict=False):
        if level > above + 1:
            yield number, f"the heading {text!r} skips a level (from {above} to {level})"


def every_picture_has_alt_text(page):
    for number, output, data in page.outputs:
        for kind in [kind for kind in data if kind.startswith("image/")]:
            alt = output["metadata"].get(kind, {}).get("alt", "")
            if len(alt.strip()) < SHORTEST_ALT:
                yield number, f"a picture's alt text is {alt!r}; at least {SHORTEST_ALT} characters"
            elif alt not in data.get("text/plain", ""):
                yield number, "the text/plain beside the picture, which nbval compares, does not hold its alt text"
    for number, blocks in page.markdown:
        silent = [image["attrs"] for image in of_kind(blocks, "image") if not raw_text(image["children"]).strip()]
        images = [tag for tag in tags_in(blocks) if tag.startswith("<img")]
        silent += [tag for tag in images if not re.search(r"""\balt=(["']).*?\S.*?\1""", tag)]
        for image in silent:
            yield number, f"the image {image} has no alt text"


def no_picture_is_large(page):
    for number, _, data in page.outputs:
        for kind in {"image/png", "image/jpeg"} & set(data):
            if (size := len(base64.b64decode(data[kind]))) > LARGEST_PICTURE:
                yield number, f"a picture of {size:,} bytes; at most {LARGEST_PICTURE:,}"


def cells_are_short(page):
    own = [(number, source) for number, cell, source in page.code if cell.get("id") != CELL]  # not all share it
    lengths = {number: len(source.strip("\n").splitlines()) for number, source in own}
    for number, length in lengths.items():
        if length > LONGEST_CELL:
            yield number, f"{length} lines of code; at most {LONGEST_CELL}"
    if lengths and (middle := median(lengths.values())) > LARGEST_MEDIAN:
        yield 0, f"half of the code cells are longer than {middle} lines: split some"


# --------------------------------------------------------------------------------------------------------- links


def every_link_leads_somewhere(page):
    """Files and headings are looked up; addresses on the web are only looked at, never fetched."""
    for number, blocks in page.markdown:
        for target in link_targets(blocks):
            if reason := broken(page, target):
                yield number, f"the link {target}: {reason}"


def link_targets(blocks):
    tags = "".join(tags_in(blocks))
    return [token["attrs"]["url"] for token in of_kind(blocks, "link", "image")] + [
        match[2] for match in re.finditer(r"""\b(?:href|src)=(["'])(.*?)\1""", tags)
    ]


def broken(page, target):
    """Why a link leads nowhere; an empty string when it leads somewhere."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        well_formed = re.fullmatch(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}", parts.hostname or "")
        return "" if parts.scheme == "https" and well_formed else "only well-formed https addresses"
    file = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
    if not target or parts.path.startswith("/") or not file.is_relative_to(page.root.resolve()):
        return "it is empty, or leaves the repository"
    if parts.path and not file.exists():
        return "there is no such file"
    if parts.fragment and unquote(parts.fragment) not in anchors(page, file):
        return "there is no such heading"
    return ""


def anchors(page, file):
    """The anchors of a file: those that JupyterLab makes of a notebook's headings, GitHub of a page's, and set ones."""
    if file.suffix == ".ipynb":
        other = page if file == page.path else Page.read(file, page.root)
        return {text.replace(" ", "-") for _, blocks in other.markdown for _, text in headings(blocks)}
    blocks = parse_markdown(file.read_text(encoding="utf-8"))
    set_ones = {match[1] for tag in tags_in(blocks) if (match := re.match(r'<a id="(.+?)"', tag))}
    return set_ones | {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for _, text in headings(blocks)}


RULES = [
    every_cell_was_run_in_order,
    no_output_is_an_error,
    no_output_is_ignored_without_an_assertion,
    every_cell_can_run_again,
    no_cell_takes_a_name_that_an_earlier_one_needs,
    no_absolute_path,
    no_file_is_looked_for_from_the_working_directory,
    no_widget_is_stored,
    nothing_stored_can_execute,
    one_title_and_no_level_skipped,
    every_picture_has_alt_text,
    no_picture_is_large,
    cells_are_short,
    every_link_leads_somewhere,
]
