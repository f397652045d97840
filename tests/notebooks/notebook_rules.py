"""What must hold of a notebook as a file. Each rule takes a Page and returns its complaints, one sentence each."""

import ast
import base64
import builtins
import dis
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from types import CodeType
from urllib.parse import unquote, urlsplit

import mistune

ROOT = Path(__file__).resolve().parents[2]
LONGEST_CELL, LARGEST_MEDIAN = 20, 6
LARGEST_PICTURE = 60_000
SHORTEST_ALT = 20
WIDGET = "application/vnd.jupyter.widget-view+json"

parse_markdown = mistune.create_markdown(renderer=None, plugins=["math", "table", "url"])


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
        cells = [(n, cell, joined(cell["source"])) for n, cell in self.cells if cell["cell_type"] == "code"]
        return [(n, cell, source) for n, cell, source in cells if source.strip()]

    @cached_property
    def markdown(self):
        """(number, blocks) of the markdown cells."""
        texts = [(n, joined(cell["source"])) for n, cell in self.cells if cell["cell_type"] == "markdown"]
        return [(n, parse_markdown(text)) for n, text in texts]

    @property
    def outputs(self):
        """(number, output) of all outputs."""
        return [(n, output) for n, cell in self.cells for output in cell.get("outputs", [])]


def joined(text):
    """Stored text may be a string or a list of lines."""
    return text if isinstance(text, str) else "".join(text)


def all_tokens(tokens):
    """Markdown's tokens and all inside of them, in the order of the text."""
    for token in tokens:
        yield token
        yield from all_tokens(token.get("children", []))


def raw_text(tokens):
    """The text of tokens as it is written, code included, marks for emphasis and links left out."""
    raws = (token.get("raw", "\n" if token["type"] == "softbreak" else "") for token in all_tokens(tokens))
    return "".join(raws)


def headings(blocks):
    """(level, text) of all headings."""
    found = [token for token in all_tokens(blocks) if token["type"] == "heading"]
    return [(token["attrs"]["level"], raw_text(token["children"])) for token in found]


def html_in(blocks):
    return [token["raw"] for token in all_tokens(blocks) if token["type"] in ("inline_html", "block_html")]


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
    """The syntax tree of a cell; IPython's own commands are left out."""
    return ast.parse(re.sub(r"^\s*[%!].*$", "pass", source, flags=re.MULTILINE))


# ------------------------------------------------------------------------------------------------ was it run?


def every_cell_was_run_in_order(page):
    """nbval does not compare a cell that was not run: without this, a cleared notebook would be green."""
    return [
        f"cell {number}: execution count {cell.get('execution_count')} and not {count}; run `make notebooks`"
        for count, (number, cell, _) in enumerate(page.code, start=1)
        if cell.get("execution_count") != count
    ]


def called_name(node):
    """The name of the function that is called; empty for other nodes."""
    function = node.func if isinstance(node, ast.Call) else None
    return getattr(function, "attr", None) or getattr(function, "id", "")


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
        nodes = list(at_once(parsed(source)))
        if ignored and not any(isinstance(n, ast.Assert) or called_name(n).startswith("assert") for n in nodes):
            complaints.append(f"cell {number}: its output is not compared, and nothing is asserted in it")
    return complaints


# -------------------------------------------------------------------------------------- can a cell be run again?

_CHANGING = {"append", "extend", "insert", "update", "add", "remove", "discard", "pop", "clear", "sort", "reverse"}


def every_cell_can_run_again(page):
    """A cell that changes what an earlier one made does something else the second time."""
    complaints = []
    for number, _, source in page.code:
        needed, bound = names(source)
        nodes = list(at_once(parsed(source)))
        calls = [node.value for node in nodes if isinstance(node, ast.Expr) and called_name(node.value) in _CHANGING]
        changed = {root_name(call.func) for call in calls}
        changed |= {root_name(node.target) for node in nodes if isinstance(node, ast.AugAssign)}
        complaints += [
            f"cell {number}: it changes {name}, which an earlier cell made; make a new one, or make it here"
            for name in sorted(needed & (bound | changed))
        ]
    return complaints


def no_cell_takes_a_name_that_an_earlier_one_needs(page):
    """After Run All, each cell must find what it found the first time."""
    cells, used_by = [], {}
    for number, _, source in page.code:
        needed, bound = names(source)
        used = {name for function in needed for name in used_by.get(function, ())}
        cells.append((number, needed | used - bound, bound))
        used_by |= {name: used | found for name, found in functions(compiled(source)).items()}
    return [
        f"cell {later}: it takes the name {name}, which cell {number} needs from before; choose another"
        for place, (number, needed, _) in enumerate(cells)
        for later, _, bound in cells[place + 1 :]
        for name in sorted(needed & bound)
    ]


def names(source):
    """The names that a cell needs from earlier ones, and those that it binds itself, in the order of its bytecode."""
    code = compiled(source)
    needed, bound = set(), set()
    for step in dis.get_instructions(code):
        if step.opname == "LOAD_NAME" and step.argval not in bound:
            needed.add(step.argval)
        elif step.opname == "STORE_NAME":
            bound.add(step.argval)
    return needed.union(*functions(code).values()) - bound - set(dir(builtins)) | (needed & bound), bound


def functions(code):
    """The globals that each function, lambda or class in some code uses, by the function's name."""
    found = {}
    for inner in [constant for constant in code.co_consts if isinstance(constant, CodeType)]:
        steps = dis.get_instructions(inner)
        used = {step.argval for step in steps if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
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
    texts = [(number, joined(cell["source"])) for number, cell in page.cells]
    texts += [(number, text_outputs(output)) for number, output in page.outputs]
    texts += [(number, joined(output.get("traceback", ""))) for number, output in page.outputs]
    return [
        f"cell {number}: absolute path: {text[match.start() : match.start() + 60].splitlines()[0]}"
        for number, text in texts
        if (match := _ABSOLUTE.search(text))
    ]


def no_file_is_looked_for_from_the_working_directory(page):
    """It is notebooks/ in JupyterLab, the root of the repository in VS Code, anything in papermill."""
    return [
        f"cell {number}: {match[0]}: ask course_folder or results_folder where it lies"
        for number, _, source in page.code
        if (match := re.search(r"""["']\.\./[^"']*""", source))
    ]


def no_widget_is_stored(page):
    """Without a kernel a stored widget shows as "model not found"."""
    complaints = ["metadata.widgets is stored; run `make notebooks`"] if "widgets" in page.content["metadata"] else []
    return complaints + [
        f"cell {number}: a widget is stored instead of its still picture; run `make notebooks`"
        for number, output in page.outputs
        if WIDGET in output.get("data", {})
    ]


# ------------------------------------------------------------------------------------------- is it safe to open?

KINDS = {"text/plain", "text/html", "image/png", "image/jpeg"}  # what an output may hold; no JavaScript, no SVG
_EXECUTABLE = re.compile(
    r"<\s*/?(script|iframe|frame|object|embed|applet|form|meta|base|link|svg|math)\b"
    r"|<[a-z][^<]*[\s/\"']on[a-z]+\s*=|(?:javascript|vbscript)\s*:|data\s*:\s*(?:text/html|image/svg)|\bsrcdoc\s*=",
    re.IGNORECASE,
)


def nothing_stored_can_execute(page):
    """Opening a notebook must run nothing: no JavaScript in what is stored, nothing marked as trusted or to be run."""
    complaints = ["the notebook's metadata say that it is trusted"] if _is_marked(page.content["metadata"]) else []
    texts = [(n, written_outside_code(blocks)) for n, blocks in page.markdown]
    texts += [(n, joined(cell["source"])) for n, cell in page.cells if cell["cell_type"] == "raw"]
    for number, cell in page.cells:
        if _is_marked(cell.get("metadata", {})):
            complaints.append(f"cell {number}: its metadata say that it is trusted, or to be run when it is opened")
        kinds = {kind for data in cell.get("attachments", {}).values() for kind in data}
        for output in cell.get("outputs", []):
            kinds |= set(output.get("data", {})) - {WIDGET}  # which has its own rule
            texts.append((number, joined(output.get("data", {}).get("text/html", ""))))
            if _is_marked(output.get("metadata", {})):
                complaints.append(f"cell {number}: an output is marked as trusted")
        complaints += [f"cell {number}: {kind} is stored; allowed: {', '.join(KINDS)}" for kind in kinds - KINDS]
    return complaints + [
        f"cell {number}: a page that shows this may execute it: {match[0][:60]}"
        for number, text in texts
        if (match := _EXECUTABLE.search(text))
    ]


def written_outside_code(blocks):
    tokens = [token for token in all_tokens(blocks) if token["type"] not in ("codespan", "block_code")]
    return "".join(token.get("raw", "\n") + token.get("attrs", {}).get("url", "") for token in tokens)


def _is_marked(metadata):
    return bool({"trusted", "signature", "init_cell"} & set(metadata))


# ----------------------------------------------------------------------------------------- can everybody read it?


def one_title_and_no_level_skipped(page):
    found = [(number, *heading) for number, blocks in page.markdown for heading in headings(blocks)]
    titles = [number for number, level, _ in found if level == 1]
    complaints = []
    if titles != [1]:
        complaints.append(f"there must be exactly one title (# …), in the first cell; found in cells {titles}")
    for (_, above, _), (number, level, text) in zip(found, found[1:], strict=False):
        if level > above + 1:
            complaints.append(f"cell {number}: the heading {text!r} skips a level (from {above} to {level})")
    return complaints


def every_picture_has_alt_text(page):
    complaints = []
    for number, output in page.outputs:
        for kind in [kind for kind in output.get("data", {}) if kind.startswith("image/")]:
            alt = output.get("metadata", {}).get(kind, {}).get("alt", "")
            if len(alt.strip()) < SHORTEST_ALT:
                complaints.append(f"cell {number}: a picture's alt text is {alt!r}; at least {SHORTEST_ALT} characters")
            elif alt not in joined(output["data"].get("text/plain", "")):
                complaints.append(f"cell {number}: the text/plain beside the picture does not hold its alt text")
    for number, blocks in page.markdown:
        images = [token for token in all_tokens(blocks) if token["type"] == "image"]
        silent = [image["attrs"]["url"] for image in images if not raw_text(image["children"]).strip()]
        tags = [tag for html in html_in(blocks) for tag in re.findall(r"<img\b[^>]*>", html)]
        silent += [tag for tag in tags if not re.search(r"""\balt=(["']).*?\S.*?\1""", tag)]
        complaints += [f"cell {number}: the image {image} has no alt text" for image in silent]
    return complaints


def no_picture_is_large(page):
    pictures = [(number, output.get("data", {})) for number, output in page.outputs]
    pictures += [(number, data) for number, cell in page.cells for data in cell.get("attachments", {}).values()]
    sizes = [
        (number, len(base64.b64decode(joined(picture))))
        for number, data in pictures
        for kind, picture in data.items()
        if kind in ("image/png", "image/jpeg")
    ]
    return [
        f"cell {number}: a picture of {size:,} bytes; at most {LARGEST_PICTURE:,}"
        for number, size in sizes
        if size > LARGEST_PICTURE
    ]


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
        for number, blocks in page.markdown
        for target in link_targets(blocks)
        if (reason := broken(page, target))
    ]


def link_targets(blocks):
    found = [token["attrs"]["url"] for token in all_tokens(blocks) if token["type"] in ("link", "image")]
    tags = [match[2] for html in html_in(blocks) for match in re.finditer(r"""\b(?:href|src)=(["'])(.*?)\1""", html)]
    return found + tags


def broken(page, target):
    """Why a link leads nowhere; an empty string when it leads somewhere."""
    parts = urlsplit(target)
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
    if parts.path and not file.exists():
        return "there is no such file"
    if parts.fragment and unquote(parts.fragment) not in anchors(page, file):
        return "there is no such heading"
    return ""


def anchors(page, file):
    """The anchors that a file's headings make: JupyterLab's in a notebook, GitHub's in a Markdown file."""
    if file.suffix == ".ipynb":
        other = page if file == page.path else Page.read(file, page.root)
        return {text.replace(" ", "-") for _, blocks in other.markdown for _, text in headings(blocks)}
    if file.suffix == ".md":
        texts = [text for _, text in headings(parse_markdown(file.read_text(encoding="utf-8")))]
        return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in texts}
    return set()


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
