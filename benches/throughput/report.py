"""The table, and whether what must hold of Everlit does."""

from collections import defaultdict
from statistics import median


class Figures:
    """All that was measured, by case."""

    def __init__(self):
        self._cases = {}
        self._rounds = defaultdict(dict)

    def add(self, case, number, subject, figures):
        self._cases[case.name] = case
        self._rounds[case.name, number][subject] = figures

    @property
    def records(self):
        return [self.last(case) for case in self._cases.values()]

    def last(self, case):
        """The medians of a case."""
        rounds = [figures for (name, _), figures in self._rounds.items() if name == case.name]
        record = {"case": case.name, "rounds": len(rounds)}
        for subject in rounds[0]:
            for key in ("rps", "p50_us", "p99_us"):
                record[f"{subject}_{key}"] = round(median(figures[subject][key] for figures in rounds), 1)
        record["ratio"] = round(median(figures["everlit"]["rps"] / figures["nginx"]["rps"] for figures in rounds), 3)
        if case.is_idle:
            for subject, prefix in (("everlit", "added"), ("nginx", "nginx_added")):
                for key in ("p50_us", "p99_us"):
                    record[f"{prefix}_{key}"] = round(median(figures[subject][key] - figures["direct"][key] for figures in rounds), 1)
        return record

    def table(self):
        """In Markdown."""
        lines = ["| asked for | Everlit | nginx | ratio |", "|---|---|---|---|"]
        for record in self.records:
            if self._cases[record["case"]].is_idle:
                own, other = (f"+{record[f'{prefix}_p50_us']:.0f} / +{record[f'{prefix}_p99_us']:.0f} µs" for prefix in ("added", "nginx_added"))
                lines.append(f"| {record['case']}, p50 / p99 | {own} | {other} | |")
            else:
                lines.append(f"| {record['case']} | {record['everlit_rps']:,.0f}/s | {record['nginx_rps']:,.0f}/s | {record['ratio']:.2f} |")
        return "\n".join(lines)

    def checks(self):
        """Whether each limit holds, and its words."""
        for record in self.records:
            for key, limit, words in self._cases[record["case"]].limits:
                holds = record[key] >= limit if key == "ratio" else record[key] <= limit
                yield holds, f"{record['case']}: {words}: {record[key]:g}"
