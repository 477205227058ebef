"""Prints results: a table for each work, then the bar. As text for a terminal, or as Markdown."""

from bar import ROWS
from work import number


def with_range(figure, unit=""):
    if figure is None:
        return "-"
    if len(figure.values) == 1:
        return number(figure.median) + unit
    return f"{number(figure.median)}{unit} ({number(figure.low)}-{number(figure.high)})"


def work_table(results, work):
    """Headings and rows of cells."""
    headings = ["server"]
    for column in work.columns:
        headings += [column.title, "x floor"] if column.ratio else [column.title]
    rows = []
    for server in results.servers(work.name):
        cells = [server]
        for column in work.columns:
            cells.append(with_range(results.figure(work.name, server, column.name)))
            if column.ratio:
                cells.append(with_range(results.ratio(column.name, (work.name, server),
                                                      (work.name, "floor"))))
        rows.append(cells)
    return headings, rows


def bar_table(results):
    rows = []
    for row in ROWS:
        figure, verdict, note = row.judge(results)
        shown = with_range(figure, row.limit.unit)
        rows.append([row.text, str(row.limit), shown, verdict + (f", {note}" if note else "")])
    return ["the bar", "is", "measured", "verdict"], rows


def verdicts(results):
    """How many rows pass, are short, and were not run."""
    found = [row.judge(results)[1] for row in ROWS]
    return {verdict: found.count(verdict) for verdict in ("pass", "short", "not run")}


def as_text(headings, rows):
    widths = [max(map(len, column)) for column in zip(headings, *rows)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip()
                     for cells in (headings, *rows))


def as_markdown(headings, rows):
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def report(results, works, markdown=False):
    """All of it, as one string."""
    table = as_markdown if markdown else as_text
    parts = [about_lines(results.about, markdown)]
    for work in works:
        if work.name in results.works():
            title = f"### {work.name}: {work.text}\n" if markdown else f"{work.name}: {work.text}"
            parts.append(f"{title}\n{table(*work_table(results, work))}")
    if results.skipped:
        mark = "- " if markdown else ""
        parts.append("\n".join(f"{mark}skipped: {name}: {why}"
                               for name, why in results.skipped.items()))
    if markdown:
        parts.append("### The bar")
    parts.append(table(*bar_table(results)))
    parts.append("the bar: " + ", ".join(f"{count} {verdict}"
                                         for verdict, count in verdicts(results).items()))
    return "\n\n".join(parts) + "\n"


def about_lines(about, markdown):
    mark = "- " if markdown else ""
    return "\n".join(f"{mark}{name}: {value}" for name, value in about.items()
                     if isinstance(value, str))
