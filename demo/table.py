"""The table: a line for each row as soon as it has run."""

import time

_HEADINGS = ("WAY IN", "MECHANISM", "WITH", "EXPECTED", "HAPPENED", "TIME", "")


class Table:
    """Runs rows and prints what came of them; `wrong` holds those that were not as expected."""

    def __init__(self, rows):
        cells = [_HEADINGS] + [(r.way, r.mechanism, r.what, r.expected, r.expected) for r in rows]
        self._widths = [max(len(line[i]) for line in cells) for i in range(5)]
        self._ran = 0
        self.wrong = []
        print()
        self._print(*_HEADINGS)
        self._print(*("-" * width for width in self._widths), "-" * 7, "--")

    def run(self, row):
        started = time.monotonic()
        try:
            happened, text = row.run()
        except Exception as error:  # a row that cannot run is a row that is not as it should be
            happened, text = "could not run", str(error)
        ms = (time.monotonic() - started) * 1000
        right = happened == row.expected
        verdict = "ok" if right else "NOT AS EXPECTED"
        cells = (row.way, row.mechanism, row.what, row.expected, happened)
        self._print(*cells, f"{ms:.0f} ms", verdict)
        self._ran += 1
        if not right:
            self.wrong.append(row)
            print("    " + text.replace("\n", "\n    "), flush=True)

    def summary(self):
        right = self._ran - len(self.wrong)
        return f"\n{right} of {self._ran} rows as expected; the brokers are stopped"

    def _print(self, *cells):
        *cells, took, verdict = cells
        line = "  ".join(cell.ljust(width) for cell, width in zip(cells, self._widths))
        print(f"{line}  {took.rjust(7)}  {verdict}".rstrip(), flush=True)
