"""The page that a developer's browser shows for a failure. Without scripts, and without anything from elsewhere."""

from __future__ import annotations

from markupsafe import Markup

from decant.observe.failures import Failure, Step, log_line

POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

_PAGE = Markup("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
h1 {{ font-size: 1.3rem; overflow-wrap: anywhere }}
ol {{ padding-left: 1.5rem }}
li {{ margin: 0 0 1rem }}
pre {{ background: #8882; padding: .5rem .8rem; margin: .3rem 0; white-space: pre-wrap; overflow-wrap: anywhere }}
.error {{ border-left: 4px solid #c33 }}
.ids {{ opacity: .75 }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p class="ids">trace {trace_id}<br>request {request_id}</p>
<h2>The way it went</h2>
<ol>
{steps}
</ol>
{log}
<p class="ids">Shown in development only; in production a visitor sees the status and the ids.</p>
</main>
</body>
</html>
""")
_STEP = Markup(
    '<li style="margin-left: {indent}rem"><strong>{service}</strong> {operation}<br>{place}{source}{error}</li>'
)
_LOG = Markup("<h2>What was logged on the way</h2>\n<pre>{lines}</pre>")


def failure_page(failure: Failure, *, detail: str, trace_id: str, request_id: str) -> str:
    """Return the page. Whatever a failure holds is text here, whoever sent it."""
    lines = "\n".join(log_line(line) for line in failure.lines)
    return _PAGE.format(
        title=_last_error(failure) or detail,
        trace_id=trace_id,
        request_id=request_id,
        steps=Markup("\n").join(_step(step) for step in failure.steps),
        log=_LOG.format(lines=lines) if lines else "",
    )


def _last_error(failure: Failure) -> str:
    return next((f"{step.error}: {step.message}" for step in reversed(failure.steps) if step.error), "")


def _step(step: Step) -> Markup:
    place = f"{step.file}:{step.line} in {step.function}" if step.file else ""
    return _STEP.format(
        indent=2 * step.depth,
        service=step.service,
        operation=step.operation,
        place=place,
        source=Markup("<pre><code>{}</code></pre>").format(step.source) if step.source else "",
        error=Markup('<pre class="error">{}: {}</pre>').format(step.error, step.message) if step.error else "",
    )
