"""Completion: what a shell offers where a network's name or a model spec is due, and how bash and zsh ask for it.

``_LWPROF_COMPLETE=bash_source lwprof`` prints the script that switches it on. fish has click's own.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import BashComplete, CompletionItem, ZshComplete, add_completion_class, split_arg_string

from lwprof.errors import InputError

if TYPE_CHECKING:
    from lwprof.models.catalog import Entry

VARIABLE = "_LWPROF_COMPLETE"
"""Environment variable by which a shell asks for completion."""


@add_completion_class
class SpecBash(BashComplete):
    """Completion for bash, which breaks words at the ":" and "=" of a model spec.

    The line is split here, as the shell itself will split it, and of an answer the script gives bash only what stands
    behind the last break. No space follows a name that is still to get its value.
    """

    source_template = """\
%(complete_func)s() {
    local line=${COMP_LINE:0:COMP_POINT} word place=0 type value
    word=${line##*[[:space:]]}
    if [[ $word != [\\"\\']* ]]; then
        for ((place = ${#word}; place > 0; place--)); do
            [[ $COMP_WORDBREAKS == *"${word:place-1:1}"* ]] && break
        done
    fi
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                [[ $value == "${word:0:place}"* ]] && value=${value:place}
                [[ $value == *[:=] ]] && compopt -o nospace
                COMPREPLY+=("$value")
                ;;
        esac
    done < <(env COMP_LINE="$line" %(complete_var)s=bash_complete "$1")
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Split the line up to the cursor into complete words and the one to complete."""
        line = os.environ.get("COMP_LINE")
        if line is None:
            return super().get_completion_args()
        words = split_arg_string(line)
        incomplete = words.pop() if len(words) > 1 and not line[-1].isspace() else ""
        return words[1:], incomplete


@add_completion_class
class SpecZsh(ZshComplete):
    """Completion for zsh, without a space behind a name that is still to get its value."""

    source_template = ZshComplete.source_template.replace(
        "        compadd -U -V unsorted -a completions\n",
        "        compadd -U -V unsorted -- ${completions:#*=}\n"
        "        compadd -U -V unsorted -S '' -- ${(M)completions:#*=}\n",
    )


def complete_name(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Complete the name of a network, or an alias of one whose name begins otherwise.

    Networks of other libraries are offered once something is typed: there are many.
    """
    from lwprof.models import aliases, catalog, names, specs

    try:
        known = names.known()
    except InputError:  # the project's settings are wrong: said by the command, not here
        known = {**catalog.entries(), **aliases.entries()}
    start = specs.plain(incomplete)
    found = []
    for name, network in known.items():
        title = network.title
        some: Sequence[str] = [name]
        if not isinstance(network, catalog.Entry):
            title = f"{title or name}: {network.spec}"
            some = some if start or not isinstance(network, aliases.Alias) else []
        elif not name.startswith(start):
            some = network.aliases
        found += [CompletionItem(text, help=title) for text in some if specs.plain(text).startswith(start)]
    return found


def complete_spec(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Complete a model spec: names and files, and behind the colon options and their values, or what a file defines."""
    place, colon, rest = incomplete.partition(":")
    if not colon:
        return [*complete_name(ctx, param, incomplete), CompletionItem(incomplete, type="file")]
    found = _definitions(Path(place)) if place.endswith(".py") else _options(place, rest)
    return [CompletionItem(f"{place}:{text}") for text in found if text.startswith(rest)]


def complete_rule(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Complete the code of a guideline, or its slug once that is begun."""
    return [CompletionItem(name, help=text) for name, text in rule_names(incomplete)]


def rule_names(start: str, families: bool = False) -> list[tuple[str, str]]:
    """Codes that begin so, families too, and slugs once something is typed; each with what it means."""
    from lwprof.guidelines import RULES

    found = {rule.code: rule.slug for rule in RULES}
    if families:
        found = {code.rstrip("0123456789"): "all of the family" for code in found} | found
    if start:
        found |= {rule.slug: rule.code for rule in RULES}
    return [(name, text) for name, text in found.items() if name.lower().startswith(start.lower())]


def _options(name: str, given: str) -> Iterator[str]:
    """Everything that may stand in place of the last of the options ``given`` to a network of the catalogue."""
    from lwprof.models import catalog

    try:
        entry = catalog.find(name)
    except InputError:
        return
    before, comma, last = given.rpartition(",")
    key, equals, _ = last.partition("=")
    taken = {option.partition("=")[0] for option in before.split(",")}
    for option, values in _values(entry).items():
        if option not in taken:
            endings = values if equals and key == option else [""]
            yield from (f"{before}{comma}{option}={value}" for value in endings)


def _values(entry: Entry) -> dict[str, list[str]]:
    """What each option can be, else the values that have exact counts; nothing where there is no choice."""
    found: dict[str, Sequence[object]] = {}
    for option in entry.options:
        counted = (variant.options.get(option.name, option.default) for variant in entry.variants)
        found[option.name] = option.choices or list(dict.fromkeys(counted))
    found["resolution"] = sorted({variant.resolution for variant in entry.variants})
    return {name: [str(value) for value in values] if len(values) > 1 else [] for name, values in found.items()}


def _definitions(file: Path) -> list[str]:
    """Names of the classes and functions of a Python file, which is read and not run."""
    try:
        body = ast.parse(file.read_bytes()).body
    except (OSError, ValueError, SyntaxError):
        return []
    return [item.name for item in body if isinstance(item, ast.ClassDef | ast.FunctionDef) and item.name[0] != "_"]
