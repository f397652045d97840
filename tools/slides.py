"""Slides from the notebooks: which cell goes on which slide, and a folder of decks that need no network.

    python -m tools.slides FOLDER [NOTEBOOK …]    one HTML file for each notebook; for all but the solutions when none
                                                  is named

Which cell goes where is stored in the notebooks; tools/execute_notebooks.py does it, by the rule given here. A deck
shows its slides with reveal.js and its formulas with MathJax. Both are fetched once, by npm, and put into each deck,
which is then one file that works anywhere, without a network.
"""

import argparse
import base64
import re
import struct
import sys
from pathlib import Path

import nbformat

from tools.npm import fetch

ROOT = Path(__file__).resolve().parents[1]
WIDTH, HEIGHT = 1280, 800  # of a slide; reveal.js makes it as large as the screen
TITLE = 100  # what a heading takes
ROOM, SQUEEZED = HEIGHT - 40, 1.2 * HEIGHT  # what fits; and what still does when it is made smaller
HIGHEST_PICTURE = 600
LETTERS, LINE, CODE_LINE = 112, 32, 23  # a line of text: its letters, its height; the height of a line of code
HIDDEN_INPUT = "hide-input"  # the tag of cells whose code web pages and slides leave out
NOT_ON_SLIDES = ("exercises", "further reading", "where to go next", "credits", "references")


# ------------------------------------------------------------------------------------------------- what goes where


def slide_types(cells):
    """What each cell is on the slides.

    Parameters
    ----------
    cells : list
        A notebook's, with their outputs.

    Returns
    -------
    list of str
        For each cell "slide", "subslide", "fragment", "skip", or "-": with the cell above.

    Notes
    -----
    A heading of level 1 or 2 opens a slide, one below it a subslide. What is too high for the screen goes on, below, on
    a subslide; a paragraph stays with the code that it announces. A picture has its own subslide, and what is to be
    seen in it comes a key press later. A question ends its subslide, so that nobody sees the answer with it. Exercises,
    reading lists, checks and bare imports are left out.
    """
    types = ["skip" if skipped else "-" for skipped in _skipped(cells)]
    shown = [i for i, kind in enumerate(types) if kind != "skip"]
    used, above = 0, None
    for i, next_one in zip(shown, [*shown[1:], None], strict=True):
        cell, follower = cells[i], None if next_one is None else cells[next_one]
        height = cell_height(cell)
        if above is None or _level(cell) in (1, 2):
            types[i] = "slide"
        elif _level(cell) or is_question(above):
            types[i] = "subslide"
        elif _announces(above, cell):  # a little too high, and the slide is made smaller
            types[i] = "subslide" if used + height > SQUEEZED else "-"
        else:
            with_code = height + cell_height(follower) if _announces(cell, follower) else height
            announces = height < with_code <= SQUEEZED
            picture = _has_picture(cell) or (announces and _has_picture(follower))
            room = SQUEEZED if _has_picture(above) and not announces else ROOM
            needed = used + (with_code if announces else height)
            if used > TITLE and (picture or needed > room):  # a title alone is no slide
                types[i] = "subslide"
            elif _has_picture(above):
                types[i] = "fragment"
        used = height if types[i] in ("slide", "subslide") else used + height
        above = cell
    return types


def _announces(cell, follower):
    """Whether a cell is the paragraph that says what the code after it is about to show."""
    return follower is not None and cell["cell_type"] == "markdown" and follower["cell_type"] == "code"


def is_question(cell):
    """Whether a cell asks for a prediction. What each option tells stands in its code."""
    return cell["cell_type"] == "code" and re.search(r"^\w+ = predict\(", _source(cell), re.MULTILINE) is not None


def cell_height(cell):
    """About how many pixels of a slide a cell takes, with its outputs."""
    if cell["cell_type"] == "markdown":
        return text_height(_source(cell))
    if cell["cell_type"] != "code":
        return 0
    code = 0 if is_question(cell) else 24 + CODE_LINE * len(_source(cell).splitlines())
    return code + sum(_output_height(output) for output in cell.get("outputs", []))


def text_height(text):
    """About how many pixels a text in Markdown takes."""
    return sum(_block_height(block) for block in blocks(text))


def blocks(text):
    """The parts of a Markdown text between blank lines; formulas and code that span some are kept whole."""
    parts = []
    for part in re.split(r"\n\s*\n", text.strip()):
        if parts and any(parts[-1].count(mark) % 2 for mark in ("$$", "```")):
            parts[-1] += "\n\n" + part
        else:
            parts.append(part)
    return [part for part in parts if part.strip()]


def pieces(cell):
    """A cell cut into cells: before each heading of level 1 or 2, and where its text is higher than a slide.

    A sentence that announces a formula, a list or a table is not cut off from it.
    """
    if cell["cell_type"] != "markdown":
        return [cell]
    parts = []
    for block in blocks(_source(cell)):
        if parts and parts[-1].endswith(":"):
            parts[-1] += "\n\n" + block
        else:
            parts.append(block)
    texts, used = [], 0
    for part in parts:
        height = text_height(part)
        if not texts or re.match(r"#{1,2} ", part) or used + height > ROOM:
            texts.append(part)
            used = height
        else:
            texts[-1] += "\n\n" + part
            used += height
    return [nbformat.v4.new_markdown_cell(text) for text in texts] if len(texts) > 1 else [cell]


def _skipped(cells):
    """For each cell whether it stays off the slides."""
    level_of_skipped = None
    for cell in cells:
        level = _level(cell)
        if level and (level_of_skipped is None or level <= level_of_skipped):
            title = _source(cell).lstrip("# ").lower()
            level_of_skipped = level if title.startswith(NOT_ON_SLIDES) else None
        source = _source(cell)
        bare_imports = re.match(r"(import|from) ", source) and not cell.get("outputs")
        about_exercises = re.match(r"(_ = )?check\.", source) or "raise NotImplementedError" in source
        code_to_skip = cell["cell_type"] == "code" and (bare_imports or about_exercises or not source.strip())
        yield level_of_skipped is not None or bool(code_to_skip)


def _block_height(block):
    lines = block.splitlines()
    if heading := re.match(r"(#{1,6}) ", block):
        rest = "\n".join(lines[1:])
        return {1: 90, 2: 76}.get(len(heading[1]), 60) + (_block_height(rest) if rest.strip() else 0)
    if block.lstrip().startswith("$$"):
        return 80 + 44 * block.count("\\\\") + 20 * ("\\frac" in block)
    if lines[0].lstrip().startswith("|"):
        return 20 + 36 * sum(-(-len(line) // 150) for line in lines)
    if lines[0].startswith("```"):
        return 20 + CODE_LINE * len(lines)
    items = re.split(r"\n(?=\s*(?:[-*]|\d+\.) )", block)
    formulas = 60 * (block.count("$$") // 2)
    return 16 + formulas + LINE * sum(-(-len(_as_read(item)) // LETTERS) or 1 for item in items)


def _as_read(text):
    """A text without what is not read: addresses, and the commands within formulas."""
    text = re.sub(r"\]\([^)]*\)", "]", text)
    return re.sub(r"\$[^$]+\$", lambda formula: re.sub(r"\\[a-zA-Z]+|[{}$^_]", "", formula[0]), text)


def _output_height(output):
    data = output.get("data", {})
    if "image/png" in data:
        return 16 + _picture_height(output)
    if "text/html" in data:
        html = _joined(data["text/html"])
        rows = re.split(r"<(?:tr|div|li|p)\b", html)[1:] or [html]
        return 16 + sum(6 + LINE * max(1, -(-len(re.sub(r"<?[^<>]*>", "", row)) // 90)) for row in rows)
    return 10 + CODE_LINE * len(_joined(output.get("text", data.get("text/plain", ""))).splitlines())


def _picture_height(output):
    """The height of a picture on a slide, where it is scaled down to fit."""
    size = output.get("metadata", {}).get("image/png", {})
    width, height = size.get("width"), size.get("height")
    if not width:  # then it is shown as large as it is
        png = base64.b64decode(_joined(output["data"]["image/png"])[:64])
        width, height = struct.unpack(">II", png[16:24])
    return round(min(height * min(1, (WIDTH - 40) / width), HIGHEST_PICTURE))


def _has_picture(cell):
    return any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))


def _level(cell):
    heading = re.match(r"(#{1,6}) ", _source(cell)) if cell["cell_type"] == "markdown" else None
    return len(heading[1]) if heading else 0


def _source(cell):
    return _joined(cell["source"])


def _joined(text):
    return text if isinstance(text, str) else "".join(text)


def store(notebook):
    """Write into a notebook's cells what they are on the slides; what stays with the cell above needs no word.

    The code of a question is folded away, and left out of slides and web pages: the answers stand in it.
    """
    for cell, kind in zip(notebook.cells, slide_types(notebook.cells), strict=True):
        tags = [tag for tag in cell.metadata.pop("tags", []) if tag != HIDDEN_INPUT]
        cell.metadata.pop("slideshow", None)
        cell.metadata.pop("jupyter", None)
        if is_question(cell):
            tags.append(HIDDEN_INPUT)
            cell.metadata.jupyter = {"source_hidden": True}
        if kind != "-":
            cell.metadata.slideshow = {"slide_type": kind}
        if tags:
            cell.metadata.tags = tags


# ------------------------------------------------------------------------------------------------------- the decks

FETCHED = {  # package: the files needed of it
    "reveal.js@4.6.1": ("dist/reveal.js", "dist/reveal.css"),
    "mathjax@3.2.2": ("es5/tex-svg.js",),
}

STYLE = """
body { background: white; --jp-content-font-size1: 21px; --jp-ui-font-size1: 21px; --jp-code-font-size: 18px; }
body.jp-Notebook { padding: 0; overflow: hidden; }
main { height: 100%; }
.reveal { font-size: 21px; color: #111; }
.reveal .slides { text-align: left; }
.reveal .slides section { max-height: 800px; overflow: hidden auto; box-sizing: border-box; padding: 0 4px; }
.reveal .slides > section > section { padding: 0 8px; }
.reveal .jp-Cell { padding: 2px 0; }
.reveal .jp-InputPrompt, .reveal .jp-OutputPrompt, .reveal .jp-Collapser, .reveal .anchor-link { display: none; }
.reveal .jp-RenderedHTMLCommon { padding-right: 0; }
.reveal .jp-RenderedHTMLCommon table { font-size: 18px; margin: 0 0 12px; }
.reveal .jp-RenderedHTMLCommon h1 { font-size: 42px; }
.reveal .jp-RenderedHTMLCommon h2 { font-size: 34px; margin: 0 0 16px; }
.reveal pre, .reveal .jp-RenderedText pre { font-size: 18px; margin: 0; width: 100%; box-shadow: none; }
.reveal img { max-height: 600px !important; width: auto; object-fit: contain; margin: 0; }
.reveal .controls { font-size: 7px; }
.reveal .slide-number { right: auto; left: 8px; background: none; color: #666; }
.reveal mjx-container svg { max-width: none; }
"""

TEMPLATE = """{%- extends 'index.html.j2' -%}
{%- block header -%}
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>{{ resources.metadata.name }} slides</title>
{% for css in resources.inlining.css %}<style>{{ css }}</style>{% endfor %}
{{ resources.include_css("static/index.css") }}
{{ resources.include_css("static/theme-light.css") }}
{{ resources.deck.reveal_css }}
<style>{{ resources.deck.style }}</style>
<script>MathJax = {tex: {inlineMath: [['$', '$']], processEscapes: true}, options: {enableMenu: false}};</script>
{{ resources.deck.mathjax }}
{{ resources.deck.reveal_js }}
</head>
{%- endblock header -%}
{%- block data_png scoped -%}
{%- set picture = output.metadata.get('image/png', {}) -%}
<div class="jp-RenderedImage jp-OutputArea-output">
<img src="data:image/png;base64,{{ output.data['image/png'] | trim }}"
  alt="{{ picture.get('alt', '') | escape_html_keep_quotes | replace('"', '&quot;') }}"
  {%- if picture.width %} width="{{ picture.width }}" height="{{ picture.height }}"{% endif %}>
</div>
{%- endblock data_png -%}
{%- block footer -%}
<script>
Reveal.initialize({width: {{ resources.deck.width }}, height: {{ resources.deck.height }}, margin: 0.02,
  center: false, hash: true, slideNumber: 'c/t', transition: 'none'}).then(() => MathJax.startup.promise).then(() => {
  const fit = () => {  // a slide that is too high is made smaller, down to seven tenths
    const slide = Reveal.getCurrentSlide(), room = {{ resources.deck.height }};
    for (let scale = 0.95; slide.scrollHeight > room && scale >= 0.7; scale -= 0.05)
      for (const cell of slide.querySelectorAll('.jp-Cell')) cell.style.zoom = scale;
  };
  Reveal.on('slidechanged', fit);
  fit();
});
</script>
</html>
{%- endblock footer -%}
"""


def build(path, folder, tools):
    """Make a notebook's deck in a folder.

    Parameters
    ----------
    path, folder : Path
        The notebook, and where its deck goes.
    tools : dict
        From `tools_of_a_deck`.
    """
    from nbconvert import SlidesExporter
    from nbconvert.preprocessors import TagRemovePreprocessor

    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [piece for cell in notebook.cells for piece in pieces(cell)]
    store(notebook)
    exporter = SlidesExporter(raw_template=TEMPLATE, exclude_input_prompt=True, exclude_output_prompt=True)
    exporter.register_preprocessor(TagRemovePreprocessor(remove_input_tags={HIDDEN_INPUT}), enabled=True)
    deck = {**tools, "style": STYLE, "width": WIDTH, "height": HEIGHT}
    html, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": path.stem}, "deck": deck})
    html = re.sub(r'(href="[\w./-]+)\.ipynb\b', r"\1.slides.html", html)  # from deck to deck
    file = folder / f"{path.stem}.slides.html"
    file.write_text(html, encoding="utf-8")
    print(file)


def tools_of_a_deck():
    """What a deck needs beside its cells, as HTML: reveal.js and MathJax."""
    reveal_js, reveal_css, mathjax = (
        (fetch(package, files) / file).read_text(encoding="utf-8")
        for package, files in FETCHED.items()
        for file in files
    )
    return {
        "reveal_css": f"<style>{reveal_css}</style>",
        "reveal_js": f"<script>{reveal_js}</script>",
        "mathjax": f"<script>{mathjax}</script>",
    }


def main(arguments):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    try:
        tools = tools_of_a_deck()
    except (RuntimeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    for path in options.notebooks or sorted((ROOT / "notebooks").glob("*.ipynb")):
        build(path, options.folder, tools)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
