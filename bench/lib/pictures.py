"""Pictures of results, as gnuplot draws them."""

from overload import STEPS, at

WIDTH = 800
ROW = 22   # pixels that a server takes in height
FRAME = 110 # pixels of title, axis and margins
COLOURS = "#35618f", "#c8702a"
OURS = "#35618f"
OTHERS = "#7a8894"

HEAD = """set terminal svg size {width},{height} font "sans-serif,12" background "white"
set output "{path}"
set encoding utf8
set border 3 lc "#666666"
set tics nomirror
set grid {grid} lc "#dddddd"
set key top right
"""


def text_of(name):
    """For a label: gnuplot takes some characters for orders."""
    return name.replace("_", r"\\_")


def head(path, height, grid):
    return HEAD.format(path=path, width=WIDTH, height=height, grid=grid)


def block(name, rows):
    return f"${name} << END\n" + "".join(" ".join(map(str, row)) + "\n" for row in rows) + "END\n"


def dots(results, works, figure, title, unit, form="%.0s%c"):
    """For each of WORKS a panel with a dot a server and its range over the rounds, on an axis that
    is logarithmic. Returns a function of the path, or None if there is nothing to draw."""
    panels = []
    for work, name in works:
        rows = [(server, results.figure(work, server, figure)) for server in results.servers(work)
                if not server.endswith("-again")]
        rows = [(server, value) for server, value in rows if value and value.low > 0]
        if rows:
            panels.append((name, rows))
    if not panels:
        return None

    def script(path):
        most = max(len(rows) for _, rows in panels)
        lines = [head(path, len(panels) * (FRAME + ROW * most), "xtics mxtics"),
                 f'unset key\nset multiplot layout {len(panels)},1 title "{title}"\n',
                 f'set logscale x\nset xlabel "{unit}"\nset format x "{form}"\n']
        lines += [panel(f"panel{number}", *each) for number, each in enumerate(panels)]
        return "".join(lines) + "unset multiplot\n"
    return script


def panel(block_name, title, rows):
    """Of (server, figure), the first at the top."""
    data = [(value.median, value.low, value.high, len(rows) - number, f'"{text_of(server)}"',
             colour_number(OURS if server.startswith("preforkd") else OTHERS))
            for number, (server, value) in enumerate(rows)]
    return (block(block_name, data) +
            f'set title "{title}"\nset yrange [0.4:{len(rows)}.6]\n'
            f"plot ${block_name} using 1:4:2:3:6:ytic(5) with xerrorbars pt 7 lw 2 "
            "lc rgb variable\n")


def colour_number(colour):
    return int(colour[1:], 16)


def overload(results):
    """Goodput and p99 over what is offered, in capacities."""
    rows = []
    for step in STEPS:
        goodput, p99 = (results.figure("shed", at(step), name) for name in ("goodput", "p99_us"))
        if goodput and p99:
            rows.append((step, goodput.median, goodput.low, goodput.high, p99.median / 1000,
                         p99.low / 1000, p99.high / 1000))
    if not rows:
        return None
    capacity = results.figure("shed", at(1), "offered").median
    wait_ms = results.figure("shed", at(1), "longest_wait_us").median / 1000

    def script(path):
        return head(path, 420, "ytics") + block("data", rows) + f"""
set title "Overload, shed: what is answered, and how long that takes"
set key bottom right
set xlabel "requests offered, in what the server can handle ({capacity:.0f}/s)"
set ylabel "right replies/s"
set y2label "p99 of them, ms"
set y2tics
set yrange [0:*]
set y2range [0:*]
plot $data using 1:2:3:4 with yerrorlines pt 7 lw 2 lc "{COLOURS[0]}" title "right replies", \\
    $data using 1:5:6:7 axes x1y2 with yerrorlines pt 5 lw 2 lc "{COLOURS[1]}" title "p99", \\
    {wait_ms} axes x1y2 with lines dt 2 lc "{COLOURS[1]}" title "what a full queue takes"
"""
    return script


def latency(results, depth):
    """p50 and p99 of each server, as two dots of one line."""
    work = f"d{depth}"
    rows = []
    for server in results.servers(work):
        p50, p99 = (results.figure(work, server, name) for name in ("p50_us", "p99_us"))
        if p50 and p99 and not server.endswith("-again"):
            rows.append((p50.median, p99.median, f'"{text_of(server)}"'))
    if not rows:
        return None
    rows = [(p50, p99, len(rows) - at, label) for at, (p50, p99, label) in enumerate(rows)]

    def script(path):
        return head(path, FRAME + ROW * len(rows), "xtics mxtics") + block("data", rows) + f"""
set title "Latency with 50 connections, depth {depth}"
set logscale x
set xlabel "microseconds"
set format x "%.0s%c"
set yrange [0.4:{len(rows)}.6]
set key outside right
plot $data using 1:3:ytic(4) with dots lc "white" notitle, \\
    $data using 1:3:($2-$1):(0) with vectors nohead lw 2 lc "{OTHERS}" notitle, \\
    $data using 1:3 with points pt 7 ps 0.8 lc "{COLOURS[0]}" title "p50", \\
    $data using 2:3 with points pt 5 ps 0.8 lc "{COLOURS[1]}" title "p99"
"""
    return script


def pictures(results):
    """The scripts by the name of the picture; None where nothing was measured."""
    depths = ("d1", "depth 1"), ("d16", "depth 16")
    return {
        "cpu": dots(results, depths, "cpu_us", "CPU time of the server a request", "microseconds",
                    "%g"),
        "throughput": dots(results, depths, "requests_per_s", "Requests a second", "requests/s"),
        "latency-1": latency(results, 1),
        "latency-16": latency(results, 16),
        "memory": dots(results, [("memory", "")], "bytes_per_connection",
                       "Memory of all processes, a connection that is idle", "bytes"),
        "overload": overload(results),
    }
