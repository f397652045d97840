"""The package's docstrings, which are plain text with lines such as `name: meaning`, as reStructuredText."""

import inspect
import re
import textwrap


def as_rst(text, obj=None):
    """A docstring, as inspect.getdoc gives it, as reStructuredText: the same words, and line breaks where they help.

    Each parameter of obj that the text explains begins a line, as do "Returns" and "Raises"; so does what stands on an
    indented line of its own. Words between backticks are code, all other marks stay as they are.
    """
    names = parameters(obj)
    return "\n\n".join(paragraph(part, names) for part in re.split(r"\n\s*\n", text) if part.strip())


def parameters(obj):
    """The names of what a function or a class takes; none for anything else."""
    try:
        return list(inspect.signature(obj).parameters)
    except (TypeError, ValueError):
        return []


def paragraph(text, names):
    """One paragraph. Indented or in columns, it is shown as it stands."""
    lines = text.splitlines()
    if all(line.startswith("    ") for line in lines) or any(re.search(r"\S {3,}\S", line) for line in lines):
        return "::\n\n" + textwrap.indent(textwrap.dedent(text), "    ")
    joined = lines[:1]
    for before, line in zip(lines, lines[1:], strict=False):
        own_line = re.match(r'\s+"[^"]*": ', line) or before.endswith(".")
        if own_line:
            joined.append(line.rstrip())
        else:
            joined[-1] += " " + line.strip()
    broken = [part for line in joined for part in sentences(line, names)]
    if len(broken) == 1:
        return inline(broken[0], names)
    return "\n".join("| " + ("   " if line.startswith(" ") else "") + inline(line.strip(), names) for line in broken)


def explained(names):
    """A pattern for the parameters that stand before a colon."""
    one = "(?:" + "|".join(map(re.escape, names)) + ")" if names else "(?!)"
    return rf"{one}(?:, {one})*(?=: )"


def sentences(line, names):
    """A line, cut before each parameter it explains and before what it returns and raises."""
    starts = rf"(?:Returns|Raises|Yields) |{explained(names)}"
    return [part for part in re.split(rf"(?<=[.;]) (?={starts})", line) if part]


def inline(text, names=()):
    """Words with code between backticks; parameters that they begin with and explain stand out."""
    parts = re.split(r"`([^`]+)`", text)
    for i, part in enumerate(parts):
        if i % 2:
            parts[i] = f":py:obj:`{part}`" if re.fullmatch(r"[A-Za-z_][\w.]*", part) else f"``{part}``"
        else:
            shapes_whole = re.sub(r"\([\w{}−, ]{1,16}\)", lambda shape: shape[0].replace(" ", "\u00a0"), part)
            parts[i] = escaped(shapes_whole)
    if label := re.match(explained(names), text):
        parts[0] = parts[0].replace(escaped(label[0]), f"*{escaped(label[0])}*", 1)
    return "".join(parts)


def escaped(text):
    """Marks that mean something to Sphinx, as the marks they are."""
    return re.sub(r"([\\*_|`<>])", r"\\\1", text)
