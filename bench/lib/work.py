"""What all kinds of work have in common."""


class Column:
    """A figure of a piece of work: its name in the results, a heading, and whether its ratio to
    that of the floor is shown as well."""

    def __init__(self, name, title, ratio=False):
        self.name = name
        self.title = title
        self.ratio = ratio


class Work:
    """Something that is measured: its name, a sentence, and its columns. What a quick run does in
    its first round only is ONCE, what it leaves out SLOW."""

    name = text = ""
    columns = ()
    once = True
    slow = False

    def run(self, round_):
        """Adds what it measures to the results of the round."""
        raise NotImplementedError

    def each(self, round_, names, measure):
        round_.each(self, list(names), measure)

    def samples(self, server, figures):
        """What is kept of the figures of a server, by a name: one sample by its own."""
        return {server: figures}

    def summary(self, figures):
        """A line about one measurement, for whoever watches."""
        return ", ".join(f"{column.title} {number(figures[column.name])}"
                         for column in self.columns if figures.get(column.name) is not None)


def number(value):
    """With about three digits that count."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
