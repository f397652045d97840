"""The part of a notebook that an answer needs: the source of a student's answer, without the rest of the notebook."""

import ast
import builtins
import inspect
import re
import symtable
import sys
import textwrap
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache

# what `check` can do beside checking
_NOT_EXERCISES = {"begin_anew", "hand_in", "hint", "names", "progress"}
# calls that show something, and so are no part of an answer
_SHOW = {"print", "display", "check", "plots", "widgets", "plt", "predict", "help", "get_ipython"}
# calls that change what they are given, or what they are called on, and return something all the same
_CHANGE = {"fit", "next", "pop", "popitem", "setdefault", "step"}
_DRAWS = re.compile(r"\b(default_rng|RandomState|Generator|Random|iter)\(")  # objects that each call moves on
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def needed_for(cells, expression):
    """The program that an expression needs, taken from the cells of a notebook.

    Executed in an empty namespace, it leaves what the expression is to be evaluated in. Of a name that was defined
    several times it has the last definition. It is found by reading: what happens behind a reader's back, as in `exec`,
    stays out.

    Parameters
    ----------
    cells : list of str
        The cells' sources, in the order in which they were executed. Magics, and cells that do not parse, are left out.
    expression : str
        What stands in the parentheses of ``check.softmax(…)``.

    Returns
    -------
    str
        Imports, definitions and assignments, in order. Empty when nothing is needed.
    """
    return _program(_statements(cells), expression)


def answers_in(cells):
    """The answers that the cells of a notebook hand to their checks.

    Parameters
    ----------
    cells : list of str
        As for `needed_for`.

    Returns
    -------
    dict
        {name of the check: (program, expression)}, of the last call of each check.
    """
    statements = _statements(cells)
    return {name: (_program(statements[:at], given), given) for name, (at, given) in _calls(statements).items()}


def of_call(name, answer):
    """The program and the expression of the call ``check.NAME(answer)`` that is running.

    In a notebook they come from the cells executed so far, elsewhere from the answer's file.

    Parameters
    ----------
    name : str
        Of the check.
    answer : object
        What it was given.

    Returns
    -------
    program, expression : str
        Empty where the source cannot be found.
    """
    try:
        called = getattr(answer, "__name__", "")
        shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
        if shell is not None:
            cells = [cell for cell in shell.user_ns["In"] if isinstance(cell, str)]
            statements = _statements(cells)
            if name in (calls := _calls(statements)):
                at, given = calls[name]
                return _program(statements[:at], given), given
            if called.isidentifier() and shell.user_ns.get(called) is answer:
                return needed_for(cells, called), called
        if callable(answer):
            module = sys.modules.get(answer.__module__)
            if called.isidentifier() and getattr(module, called, None) is answer:
                return needed_for([inspect.getsource(module)], called), called
            source = textwrap.dedent(inspect.getsource(answer))
            return (source, called) if called.isidentifier() else ("", "")
        number = getattr(answer, "tolist", lambda: answer)()  # NumPy's as Python's
        return ("", repr(number)) if ast.literal_eval(repr(number)) == number else ("", "")
    except Exception:  # a verdict must not fail because its source is hard to find
        return "", ""


# ------------------------------------------------------------------------------------------------ what statements do


@dataclass
class _Statement:
    """One statement at the top level of a cell, and the names it deals with."""

    node: ast.stmt
    source: str
    binds: set = field(default_factory=set)  # gives them a value …
    surely: set = field(default_factory=set)  # … whatever they were before
    stores: set = field(default_factory=set)  # changes their value: x[i] = 0, x.a = 0, x += 1
    calls: list = field(default_factory=list)  # may change what they are given, see _Call
    same: list = field(default_factory=list)  # (names, other names of the same things), as after x = y
    changes: set = field(default_factory=set)  # of a function: which of its parameters it changes …
    writes: set = field(default_factory=set)  # … and which names it declares global
    now: set = field(default_factory=set)  # needs them when it runs …
    late: set = field(default_factory=set)  # … and when the functions that it defines are called
    checks: list = field(default_factory=list)  # (name of the check, what is given to it)


@dataclass
class _Call:
    """A call, by the names at which its parts begin."""

    function: str
    method_of: str
    given: list
    named: dict
    thrown_away: bool  # its result; so it was called for what it does

    @property
    def touches(self):
        return {self.method_of, *self.given, *self.named.values()}

    def changed(self, functions):
        """Which names it probably changes; functions: {name: the statement} of those whose source is known."""
        if known := not self.method_of and functions.get(self.function):
            by_position = zip(_parameters(known.node), self.given, strict=False)
            pairs = [*by_position, *self.named.items()]
            return {name for parameter, name in pairs if parameter in known.changes} | known.writes
        changed = {self.named["out"]} if "out" in self.named else set()
        if self.thrown_away or self.function in _CHANGE:
            changed |= {self.method_of, *self.given[:1]}
        return changed


def _statements(cells):
    """The statements of all cells, without what only shows something."""
    return [statement for cell in cells for statement in _statements_of(cell)]


@lru_cache(maxsize=2000)  # each check of a long session reads all its cells
def _statements_of(cell):
    try:
        source = _without_magics(cell)
        nodes, found = ast.parse(source).body, []
        for node, text in zip(nodes, _texts(nodes, _lines(source)), strict=True):
            with suppress(SyntaxError):  # a `return` outside of a function: no code that could run
                found.append(_read(node, text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    return tuple(found)


def _without_magics(cell):
    """A cell as Python: what its magics run stays, the magics go."""
    try:
        if "get_ipython()" not in cell and ast.parse(cell):  # as most cells are
            return cell
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        source = TransformerManager().transform_cell(cell)
        # `get_ipython().run_cell_magic('time', '', 'x = 1\n')`: what runs in the notebook, and what elsewhere
        magics = [node for node in ast.parse(source).body if "get_ipython()" in ast.unparse(node)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return cell
    for node in reversed(magics):
        call = node.value if isinstance(node, ast.Expr) else None
        kind = call.func.attr if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) else None
        runs = ""
        if kind in ("run_line_magic", "run_cell_magic") and all(isinstance(part, ast.Constant) for part in call.args):
            name, *_, body = (part.value for part in call.args)
            runs = _without_magics(body) if name in ("time", "capture", "prun") else ""
        if kind:
            lines = _lines(source)
            source = "\n".join([*lines[: node.lineno - 1], *_lines(runs), *lines[node.end_lineno :]])
    return source


def _lines(source):
    """As Python counts them, for which a form feed ends no line."""
    return re.split(r"\r\n|\r|\n", source)


def _texts(nodes, lines):
    """The sources of statements: as they were written, but for those that share a line."""
    spans = [(min([n.lineno, *(d.lineno for d in getattr(n, "decorator_list", []))]), n.end_lineno) for n in nodes]
    for i, (node, (first, last)) in enumerate(zip(nodes, spans, strict=True)):
        alone = (i == 0 or spans[i - 1][1] < first) and (i + 1 == len(spans) or last < spans[i + 1][0])
        yield "\n".join(lines[first - 1 : last]) if alone else ast.unparse(node)


def _calls(statements):
    """{name of a check: (how many statements come before its last call, what it is given)}."""
    calls = {}
    for at, statement in enumerate(statements):
        for name, given in statement.checks:  # what a block does before it calls the check counts too
            calls[name] = at + hasattr(statement.node, "body"), given
    return calls


def _read(node, source):
    checks = [found for call in _outside_of_functions(node) if (found := _given_to_check(call))]
    if any(map(_shows_only, ast.walk(node))):
        node = _WithoutShows().visit(node)
        source = ast.unparse(ast.fix_missing_locations(node))
    told = _Statement(node, source, checks=checks)
    if isinstance(node, ast.Pass):
        return told
    table = symtable.symtable(_with_scopes(node, source), "cell", "exec")
    for symbol in table.get_symbols():
        if symbol.is_assigned() or symbol.is_imported():
            told.binds.add(symbol.get_name())
        if symbol.is_referenced():
            told.now.add(symbol.get_name())
    for child in table.get_children():
        _read_scope(child, told, late=False)
    if getattr(node, "decorator_list", None) or not isinstance(node, _SCOPES + (ast.ClassDef,)):
        told.now |= told.late  # it may call them at once
    told.surely = set(told.binds) if _is_sure(node) else set()
    told.stores, told.calls, told.same = _changes([node])
    told.now |= told.stores
    told.surely -= told.stores
    if isinstance(node, _SCOPES):
        stores, calls, _ = _changes(node.body)
        told.changes = {*_parameters(node)} & stores.union(*(call.changed({}) for call in calls))
    return told


def _changes(nodes):
    """What statements store into, the calls they make, and which names mean the same after them."""
    stores, calls, same, thrown_away = set(), [], [], set()
    for part in (part for node in nodes for part in _outside_of_functions(node)):
        if isinstance(part, ast.AugAssign):
            stores.add(_root(part.target))
        elif isinstance(part, ast.Subscript | ast.Attribute) and not isinstance(part.ctx, ast.Load):
            stores.add(_root(part))
        elif isinstance(part, ast.Assign):
            values = [part.value, *part.targets[1:]]  # x = y = z
            same += [pair for target in part.targets for value in values for pair in _pairs(target, value)]
        elif isinstance(part, ast.For):
            walked = part.iter.args if isinstance(part.iter, ast.Call) else [part.iter]  # zip(x, y)
            same.append((_roots(part.target), set().union(*map(_roots, walked))))
        elif isinstance(part, ast.Expr):
            thrown_away.add(part.value)
        elif isinstance(part, ast.Call) and _root(part.func) not in _SHOW:
            method_of = _root(part.func) if isinstance(part.func, ast.Attribute) else ""
            named = {keyword.arg: _root(keyword.value) for keyword in part.keywords}
            call = _Call(_last_name(part.func), method_of, [*map(_root, part.args)], named, part in thrown_away)
            calls.append(call)
            if call.function == "seed" and call.thrown_away:
                stores.add(method_of)
    for names, others in same:
        if names & stores:  # for w in weights: w *= 2
            stores |= others
    return stores - {""}, calls, same


def _parameters(node):
    return [parameter.arg for parameter in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]


def _pairs(target, value):
    """(names of a target, what they are other names of), part by part."""
    parts = [node.elts if isinstance(node, ast.Tuple | ast.List) else [] for node in (target, value)]
    if len(parts[0]) == len(parts[1]) > 0:
        return [pair for both in zip(*parts, strict=True) for pair in _pairs(*both)]
    if isinstance(target, ast.Subscript | ast.Attribute):  # x[0] = y changes x, and is no name for y
        return []
    return [(_roots(target), _roots(value))]


def _roots(node):
    """The names at which the parts of a target, or of a value, begin; none where a value is computed."""
    if isinstance(node, ast.Tuple | ast.List):
        return set().union(*map(_roots, node.elts))
    return {_root(node)} - {""}


class _Generators(ast.NodeTransformer):
    def visit(self, node):
        node = self.generic_visit(node)
        if isinstance(node, _COMPREHENSIONS):
            one = ast.Tuple([node.key, node.value], ast.Load()) if isinstance(node, ast.DictComp) else node.elt
            return ast.GeneratorExp(one, node.generators)
        return node


def _with_scopes(node, source):
    """The source with generators for comprehensions, whose names Python 3.12 takes for names at the top level."""
    if not any(isinstance(part, _COMPREHENSIONS) for part in ast.walk(node)):
        return source
    return ast.unparse(ast.fix_missing_locations(_Generators().visit(ast.parse(source))))


def _read_scope(table, told, late):
    """What a function, a class or a comprehension needs of the names at the top level."""
    function = table.get_type() == "function"
    generator = function and table.get_name() == "genexpr"  # it runs at once, or later
    for symbol in table.get_symbols():
        name = symbol.get_name()
        if symbol.is_declared_global() and symbol.is_assigned():
            told.writes.add(name)
        if symbol.is_global() and (late or function):
            told.late.add(name)
        if symbol.is_global() and not late and (generator or not function):
            told.now.add(name)
    for child in table.get_children():
        _read_scope(child, told, late or function and not generator)


def _is_sure(node):
    """Whether a statement gives each name that it binds a value, whatever happens."""
    if isinstance(node, ast.Import):  # `import a.b` after `import a.c` keeps both
        return not any("." in alias.name and not alias.asname for alias in node.names)
    return not isinstance(node, ast.If | ast.For | ast.While | ast.Try | ast.Match)


def _shows_only(node):
    return isinstance(node, ast.Expr) and bool(_check_called(node.value) or _root_call(node.value) == "get_ipython")


def _given_to_check(call):
    name = isinstance(call, ast.Call) and _check_called(call)
    if not name or name in _NOT_EXERCISES:
        return None
    given = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "answer")]
    return (name, ast.unparse(given[0])) if len(given) == 1 and not isinstance(given[0], ast.Starred) else None


class _WithoutShows(ast.NodeTransformer):
    """Calls of checks, and what magics became, taken out of the statements they stand in."""

    def visit_Expr(self, node):
        return ast.copy_location(ast.Pass(), node) if _shows_only(node) else node


def _check_called(node):
    """The name of the check that an expression calls; None when it calls none."""
    while isinstance(node, ast.Attribute):  # `check.softmax(f).passed`
        node = node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if _last_name(node.func.value) == "check":
            return node.func.attr
    return None


def _outside_of_functions(node):
    """All nodes of a statement but those of functions that it only defines."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _SCOPES) and not isinstance(node, _SCOPES):
            yield from _outside_of_functions(child)


def _root(node):
    """The name at which `x[i].a` begins; "" when there is none."""
    while isinstance(node, ast.Subscript | ast.Attribute | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _root_call(node):
    """The name of the function whose result is used, as in `f().a()`."""
    while isinstance(node, ast.Call | ast.Attribute):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _last_name(node):
    return getattr(node, "attr", getattr(node, "id", ""))


# ------------------------------------------------------------------------------------------ what an answer needs


def _program(statements, expression):
    try:
        wanted = _read(ast.parse(expression).body[0], expression)
    except (SyntaxError, ValueError, IndexError, RecursionError):
        return ""
    end = len(statements)
    functions = {s.node.name: s for s in statements if isinstance(s.node, _SCOPES)}
    chosen = {at for at, statement in enumerate(statements) if _imports_from(statement.node, "__future__")}
    asked, seen = [(name, end) for name in wanted.now | wanted.late], set()
    while asked:
        name, before = question = asked.pop()
        if question in seen:
            continue
        seen.add(question)
        for at in _that_make(name, statements[:before], functions):
            statement = statements[at]
            chosen.add(at)
            asked += [(used, at) for used in statement.now]
            # a function finds its names when it is called: by the one who asks, or by the expression
            asked += [(used, when) for used in statement.late for when in (before, end)]
    parts = [(statements[at].node, statements[at].source) for at in sorted(chosen)]
    future = [part for part in parts if _imports_from(part[0], "__future__")]
    return _joined([*future, *(part for part in parts if part not in future)])


def _that_make(name, statements, functions):
    """Which statements make the value of a name: the last one that surely binds it, and what changes it afterward."""
    start = next((at for at in reversed(range(len(statements))) if name in statements[at].surely), None)
    fixed, draws, aliases = False, False, {name}
    if start is not None:
        yield start
        fixed = isinstance(statements[start].node, (*_SCOPES, ast.ClassDef, ast.Import, ast.ImportFrom))
        draws = _DRAWS.search(statements[start].source)
        aliases |= _others(aliases, statements[start])
    elif not hasattr(builtins, name):
        yield from (at for at, statement in enumerate(statements) if _imports_from(statement.node, star=True))
    for at in range(0 if start is None else start + 1, len(statements)):
        statement = statements[at]
        changed = set(statement.stores)
        for call in () if fixed else statement.calls:
            changed |= call.changed(functions) | (call.touches if draws else set())
        if name in statement.binds or aliases & changed:
            yield at
        aliases = aliases - (statement.surely - {name}) | _others(aliases, statement)


def _others(aliases, statement):
    """What else means the same as one of the names, after a statement."""
    pairs = [pair for names, others in statement.same for pair in ((names, others), (others, names))]
    return set().union(*(others for names, others in pairs if names & aliases))


def _imports_from(node, module=None, star=False):
    if not isinstance(node, ast.ImportFrom):
        return False
    return node.names[0].name == "*" if star else node.module == module


def _joined(parts):
    """The statements as one text, with the blank lines that Python's style asks for."""
    text, before = "", None
    for node, source in parts:
        if before:
            block = isinstance(node, (*_SCOPES, ast.ClassDef)) or isinstance(before, (*_SCOPES, ast.ClassDef))
            imports = isinstance(before, ast.Import | ast.ImportFrom)
            ends = imports and not isinstance(node, ast.Import | ast.ImportFrom)
            text += "\n\n" if block else "\n" if ends else ""
        text += source + "\n"
        before = node
    return text
