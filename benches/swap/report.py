"""The table, and whether what must hold of Everlit does."""

# Workload, figure, limit, words.
LIMITS = [
    ("load", "unmeasured", 0, "trials that could not be made"),
    ("load", "failed", 0, "failed requests"),
    ("load", "duplicated", 0, "duplicated POSTs"),
    ("load", "lost", 0, "lost POSTs"),
    ("load", "unseen", 0, "saves that were never answered"),
    ("load", "reloads_most", 1, "most reloads for a save"),
    ("overhead", "save_to_build_p50_ms", 5.0, "save to build, median ms"),
    ("overhead", "build_to_answer_p50_ms", 10.0, "build to first answer beyond the bare start, median ms"),
    ("rhythm", "wrong", 0, "wrong sources in the end"),
    ("rhythm", "processes", 0, "processes left over"),
    ("rhythm", "descriptors", 4, "descriptors beyond the start"),
    # What ran for the first time; it is the same after 60 and after 200 saves.
    ("rhythm", "memory_mib", 4.0, "memory beyond the start, MiB"),
]

# Below this, a save was not told.
LEAST = [("load", "reloads_least", 1, "fewest reloads for a save")]


class Figures:
    """All that was measured."""

    def __init__(self):
        self.records = []

    def add(self, workload, subject, case, figures):
        record = {"workload": workload, "case": case, "subject": subject, **{key: round(value, 3) for key, value in figures.items()}}
        self.records.append(record)
        return record

    def table(self):
        """In Markdown: a row for each trial of the load, a line for each figure of the others."""
        columns = ("requests", "failed", "duplicated", "lost", "unseen", "slowest_ms", "seen_ms", "reloads_least", "reloads_most")
        load = [record for record in self.records if record["workload"] == "load"]
        lines = ["| app | port | restarted by | " + " | ".join(columns) + " |", "|---" * (len(columns) + 3) + "|"] if load else []
        for record in load:
            app, port = record["case"].split()
            cells = [f"{record[column]:,.0f}" if column in record else "" for column in columns]
            lines.append(f"| {app} | {port} | {record['subject']} | " + " | ".join(cells) + " |")
        others = [record for record in self.records if record["workload"] != "load"]
        ignored = ("workload", "case", "subject")
        return "\n".join(lines + [f"{r['workload']}, {key}: {value:g}" for r in others for key, value in r.items() if key not in ignored])

    def checks(self):
        """Whether each promise holds in its worst case, and its words."""
        for limits, worst, holds in ((LIMITS, max, lambda value, limit: value <= limit), (LEAST, min, lambda value, limit: value >= limit)):
            for workload, key, limit, words in limits:
                own = [r for r in self.records if (r["workload"], r["subject"]) == (workload, "everlit") and key in r]
                if own:
                    record = worst(own, key=lambda record: record[key])
                    yield holds(record[key], limit), f"{words}: {record[key]:g} ({record['case']}; limit {limit:g})"
