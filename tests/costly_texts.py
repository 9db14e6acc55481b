"""Texts that a Markdown parser finds hard, each as long as it may be before it is shown as written."""

from app.web.rendering import MAX_BYTES
from app.web.untrusted.code import MAX_CODE
from app.web.untrusted.markdown import MAX_TABLE_CELLS


def fill(piece: str) -> str:
    return (piece * MAX_BYTES)[:MAX_BYTES]


def fenced(language: str, piece: str) -> str:
    return f"```{language}\n{(piece * MAX_CODE)[: MAX_CODE - 1]}\n```\n"


# Found by filling blocks with random pieces: the worst for each language that had any above 30 ms.
HARD_CODE = [("python", "\n\t"), ("cpp", "\t"), ("java", "a "), ("c", "\n\t"), ("typescript", "a."), ("go", '\\"')]

COSTLY = {
    **{repr(piece): fill(piece) for piece in ("[", "![", "[a](", "*", "_", "*_", ">", "> ", "- ", "* a\n", "a\n")},
    **{
        repr(piece): fill(piece)
        for piece in ("`", "``a`", "<", "&", "\\", "~~", "# a\n", "-\n", "=\n", "a*b_", "_*a*_")
    },
    "brackets at the limit": fill("*** [_" * 100 + "*** _" * 4_000),
    "brackets beyond the limit": fill("*** [_" * 500 + "*** _" * 4_000),
    "brackets of brackets": "[" * 1_400 + "]" * 1_400 + fill("*** _")[:17_000],
    "a wide table": fill("|" + "a|" * 400 + "\n|" + "-|" * 400 + "\n" + "a\n" * 10_000),
    "a long table": fill("|" + "a|" * 30 + "\n|" + "-|" * 30 + "\n" + "a\n" * 10_000),
    "a table at the limit": "|" + "a|" * 19 + "\n|" + "-|" * 19 + "\n" + "a\n" * (MAX_TABLE_CELLS // 21),
    "nested quotes": "\n".join(">" * (depth % 100) + " a" for depth in range(380)),
    "nested lists": "\n".join("  " * depth + "- a" for depth in range(135)),
    "references": fill("".join(f"[a{n}]: b\n" for n in range(900)) + "".join(f"[a{n}] " for n in range(900))),
    "backticks": fill(" ".join("`" * n for n in range(1, 200))),
    "small formulas": fill("$x$ "),
    "long formulas": fill("$" + "x+" * 499 + "$\n"),
    "nested formulas": fill("$" + "\\sqrt{" * 90 + "}" * 90 + "$ "),
    "formulas that do not close": fill("$x $y"),
    "formulas that define": fill(r"$\def\a{\a\a}\a$ "),
    "displayed formulas": fill("$$\n\\frac12\n$$\n\n"),
    "displayed formulas that do not close": fill("$$\n"),
    "bidi controls": fill("\u202e\u2066"),
    **{f"{piece!r} in {language}": fenced(language, piece) * 4 for language, piece in HARD_CODE},
}
