"""Whose table is it: names in SQL statements, and the modules that they belong to.

Only tables are looked for, at the places where SQL names one: a column ``cart_id`` or a text ``'cart_item'`` is
nobody's table. What cannot be read for sure is let through: this finds mistakes and stops no attacker.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache

_TOKEN = re.compile(
    r"""(?P<skip>\s+|--[^\n]*|\#[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
      |(?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]\s]+\])
      |(?P<word>[^\W\d]\w*)
      |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_BEFORE_A_TABLE = frozenset({"FROM", "JOIN", "INTO", "UPDATE", "TABLE", "TABLES", "REFERENCES", "TRUNCATE", "USING"})
_BEFORE_A_GROUP = frozenset({"FROM", "JOIN", "UPDATE", ",", "("})
_BETWEEN = frozenset(
    {"ONLY", "LATERAL", "IF", "NOT", "EXISTS", "IGNORE", "LOW_PRIORITY", "QUICK", "OR", "ABORT", "FAIL", "REPLACE"}
)
_NO_UPDATE = frozenset({"FOR", "ON", "KEY", "DO", "BEFORE", "AFTER", "OF"})
_QUERY = frozenset({"SELECT", "WITH", "VALUES", "INSERT", "UPDATE", "DELETE", "TABLE", "("})
_ABOUT_TABLES = frozenset({"SHOW", "DESCRIBE", "DESC", "PRAGMA"})
_SERVERS_OWN = frozenset({"information_schema", "pg_catalog", "performance_schema", "mysql", "sys"})


def owner_of_table(table: str, modules: Collection[str]) -> str | None:
    """Return which of the modules a table belongs to: the longest name that is its prefix, or None.

    Example:
        >>> owner_of_table("cart_items_line", {"cart", "cart_items"})
        'cart_items'
        >>> owner_of_table("cart_items", {"cart", "cart_items"})
        'cart'
    """
    owners = [module for module in modules if table.startswith(f"{module}_")]
    return max(owners, key=len, default=None)


@lru_cache(maxsize=4096)
def tables_in(statement: str) -> frozenset[str]:
    """Return the names of the tables that an SQL statement names, without their schemas.

    Example:
        >>> sorted(tables_in("SELECT cart_id FROM orders_order o, orders_line JOIN books_book b USING (id)"))
        ['books_book', 'orders_line', 'orders_order']
    """
    reader = _Reader(list(_tokens(statement)))
    return frozenset(reader.tables()) - reader.aliases()


def _tokens(statement: str) -> Iterator[tuple[str, bool]]:
    """Yield words, quoted names and signs; the second says whether it can only be a name."""
    for found in _TOKEN.finditer(statement):
        if found.lastgroup == "quoted":
            yield found[0][1:-1], True
        elif found.lastgroup in {"word", "other"}:
            yield found[0], False


class _Reader:
    """Reads one statement from left to right."""

    def __init__(self, tokens: list[tuple[str, bool]]) -> None:
        self._tokens = tokens
        self._words = ["" if quoted else text.upper() for text, quoted in tokens]
        head = self._words[:5]
        self._is_on_a_table = {"INDEX", "TRIGGER"} & set(head) and head[0] in {"CREATE", "DROP"}

    def tables(self) -> Iterator[str]:
        if self._word(0) in _ABOUT_TABLES:
            return
        queries = [True]  # for each open parenthesis: is what it holds a query, where FROM names tables?
        in_list = [False]  # … and does a comma bring another table?
        for at, word in enumerate(self._words):
            if word == "(":
                table_list = in_list[-1] and self._before(at) in _BEFORE_A_GROUP
                queries.append(self._word(at + 1) in _QUERY or table_list)
                in_list.append(table_list)
                if table_list:
                    yield from self._table(at + 1)
            elif word == ")":
                if len(queries) > 1:
                    queries.pop()
                    in_list.pop()
            elif queries[-1] and (self._announces(at) or (word == "," and in_list[-1])):
                in_list[-1] = word in {"FROM", "USING", "UPDATE", "TABLE", "TABLES", "TRUNCATE", ",", "JOIN"}
                yield from self._table(at + 1)
            elif word in {"WHERE", "SET", "SELECT", "GROUP", "ORDER", "LIMIT", "HAVING", "VALUES", "RETURNING", "DO"}:
                in_list[-1] = False
            elif word == "REFERENCES":
                yield from self._table(at + 1)

    def aliases(self) -> set[str]:
        """Return names that a WITH clause gives: they look like tables and are none."""
        found = set()
        for at, word in enumerate(self._words):
            if word == "AS" and at and self._words[0] not in {"CREATE", "ALTER"}:
                following = at + 1
                while self._word(following) in {"NOT", "MATERIALIZED"}:
                    following += 1
                if self._word(following) == "(" and self._word(following + 1) in _QUERY:
                    found.add(self._tokens[self._named(at - 1)][0])
        return found

    def _named(self, at: int) -> int:
        """Step back over the list of columns in ``name (a, b) AS``."""
        if self._words[at] != ")":
            return at
        while at and self._words[at] != "(":
            at -= 1
        return max(0, at - 1)

    def _announces(self, at: int) -> bool:
        """Return whether the next name is a table's."""
        word, before = self._words[at], self._before(at)
        if word == "ON":
            return bool(self._is_on_a_table)
        if word == "FROM":
            return before != "DISTINCT" or self._word(at - 2) not in {"IS", "NOT"}
        if word == "UPDATE":
            return before not in _NO_UPDATE
        return word in _BEFORE_A_TABLE and not (word == "TRUNCATE" and self._word(at + 1) == "TABLE")

    def _table(self, at: int) -> Iterator[str]:
        while self._word(at) in _BETWEEN:
            at += 1
        if self._word(at) in {"SELECT", "TABLE", "WITH", "VALUES", "SET", "("} or at >= len(self._tokens):
            return
        name, schema = self._tokens[at][0], ""
        while self._word(at + 1) == "." and at + 2 < len(self._tokens):
            at += 2
            schema, name = name, self._tokens[at][0]
        is_call = self._word(at + 1) == "(" and self._words[0] == "SELECT"
        if schema.lower() not in _SERVERS_OWN and not is_call:
            yield name

    def _word(self, at: int) -> str:
        return self._words[at] if 0 <= at < len(self._words) else ""

    def _before(self, at: int) -> str:
        return self._word(at - 1)
