"""Tables of medians beside the floor, and whether what must hold of Everlit does."""

import math
import statistics

# What a person can name: above these Everlit is not as close to the kernel as it promises. The floor, in the same run, says how
# much of a figure is the machine's.
LIMITS = [
    ("start", "first_answer_ms", 5.0, "first answer after exec, ms"),
    ("start", "noticed_ms", 160.0, "first edit noticed after exec, ms"),
    ("saves", "p50_ms", 0.4, "save to message, median ms"),
    ("saves", "p95_ms", 1.5, "save to message, 95 % ms"),
    ("storm", "messages", 3, "messages of a storm"),
    ("storm", "last_ms", 60.0, "last message after the last write, ms"),
    ("storm", "unsound", 0, "storms that did not end in the final state"),
    ("purge", "after_ms", 60.0, "a save after 5,000 folders were removed, ms"),
    ("crowd", "kib_each", 10.0, "memory of each socket, KiB"),
    *((workload, "failed", 0, f"failures of {workload}") for workload in ("start", "storm", "purge", "crowd")),
    *(("saves", fault, 0, f"{fault} edits") for fault in ("missed", "extra", "early", "stale")),
]
MEMORY_MIB = {"20 files": 8.0, "50,000 files": 20.0}

# The crowd's time as a multiple of the floor's.
CROWD_RATIO = 1.2


class Figures:
    """All that was measured."""

    def __init__(self, names):
        self.names, self.records = names, []

    def add(self, workload, subject, case, figures):
        record = {"workload": workload, "case": case, "subject": subject, **{key: round(value, 3) for key, value in figures.items()}}
        self.records.append(record)
        return record

    def median(self, workload, case, key, subject):
        same = (workload, case, subject)
        found = [r[key] for r in self.records if (r["workload"], r["case"], r["subject"]) == same and key in r]
        return statistics.median(found) if found else math.nan

    def rows(self):
        """Workload, case and key of each figure, in the order in which they were first measured."""
        ignored = ("workload", "case", "subject")
        return list(dict.fromkeys((r["workload"], r["case"], key) for r in self.records for key in r if key not in ignored))

    def table(self):
        lines = [["median (× the floor)", *self.names]]
        for workload, case, key in self.rows():
            floor = self.median(workload, case, key, "floor")
            cells = [cell(self.median(workload, case, key, name), floor, name != "floor") for name in self.names]
            lines.append([f"{workload}: {case}, {key}", *cells])
        widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
        return "\n".join(
            "  ".join(text.ljust(width) if at == 0 else text.rjust(width) for at, (text, width) in enumerate(zip(line, widths)))
            for line in lines)

    def checks(self):
        """Whether each promise holds in its worst case, and its words."""
        for workload, key, limit, words in LIMITS:
            cases = dict.fromkeys(case for found, case, has in self.rows() if (found, has) == (workload, key))
            if found := [(self.median(workload, case, key, "everlit"), case) for case in cases]:
                yield verdict(*max(found), limit, words)
        for case, limit in MEMORY_MIB.items():
            if ("start", case, "pss_mib") in self.rows():
                yield verdict(self.median("start", case, "pss_mib", "everlit"), case, limit, "memory, MiB")
        for case in dict.fromkeys(case for found, case, _ in self.rows() if found == "crowd"):
            ratio = self.median("crowd", case, "last_ms", "everlit") / self.median("crowd", case, "last_ms", "floor")
            yield verdict(ratio, case, CROWD_RATIO, "until all are told, × the floor")


def verdict(value, case, limit, words):
    return value <= limit, f"{words}: {value:.3g} ({case}; limit {limit:g})"


def cell(value, floor, is_ratio):
    if math.isnan(value):
        return "-"
    text = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.2f}"
    return f"{text} ({value / floor:.3g}×)" if is_ratio and not math.isnan(floor) and floor > 0 else text
