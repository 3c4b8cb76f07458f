"""Templates to text and HTML. A template is written once for both: it builds on a layout and on parts (a paragraph, a
link, a table of facts) that text and HTML each have their own of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from backend.emails.languages import Language, language
from backend.emails.names import one_line

TEMPLATES: Final = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Rendered:
    """An email's subject, and its body in both forms."""

    subject: str
    text: str
    html: str


def render(kind: str, written_in: Language, variables: Mapping[str, object]) -> Rendered:
    """Render the template of that kind. Raises UndefinedError where it uses what is not among the variables."""
    text = _environment("txt", written_in.tag).get_template(f"{kind}.jinja")
    html = _environment("html", written_in.tag).get_template(f"{kind}.jinja")
    subject = one_line("".join(text.blocks["subject"](text.new_context(dict(variables)))))
    filled = {**variables, "subject": subject}
    return Rendered(subject, _tidy(text.render(filled)), html.render(filled))


@cache
def _environment(form: str, tag: str) -> Environment:
    """Return what renders one form, txt or html, in one language. Shared templates are compiled for each: a macro that
    was compiled for text would not escape in HTML."""
    environment = Environment(
        autoescape=form == "html",  # noqa: S701 - the other form is plain text
        extensions=["jinja2.ext.i18n"],
        keep_trailing_newline=True,
        loader=FileSystemLoader(TEMPLATES),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    environment.policies["ext.i18n.trimmed"] = True
    extended: Any = environment  # has what its extensions add
    extended.globals.update(layout=f"layout.{form}", parts=f"parts.{form}", language=tag)
    extended.install_gettext_translations(language(tag).translations, newstyle=True)
    return environment


def _tidy(text: str) -> str:
    """Leave one empty line between paragraphs, and no spaces at the ends of lines."""
    lines = "\n".join(line.strip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip("\n") + "\n"
