"""One SVG per set: NDCG@10 of every model as dots with intervals. Drawn by hand, no library."""
from xml.sax.saxutils import escape

from . import page, sets

METRIC = "N@10"
ROW, TOP, LABELS, PANEL, GAP, RIGHT = 22, 64, 130, 330, 30, 20
COLOURS = {"given": "#2563a8", "shuffled": "#c2571a"}


def nice_step(top):
    for step in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2):
        if top / step <= 7:
            return step
    return 0.5


def drawing(records, published, name):
    about = sets.SETS[name]
    models = []
    for ties in about["ties"]:
        for row in page.rows_of(records, name, ties, "kept"):
            if row.model not in models:
                models.append(row.model)
    rows = {(ties, seen): {row.model: row for row in page.rows_of(records, name, ties, seen)}
            for ties in about["ties"] for seen in sets.FILTERS}
    best = {seen: max(((p["values"][METRIC], p["model"]) for p in published
                       if p["set"] == name and p["ties"] == "given" and p["filter"] == seen and p.get("kind") != "floor"
                       and METRIC in p["values"] and "draft" not in p.get("note", "")), default=None)
            for seen in sets.FILTERS}
    highest = [row.interval(METRIC)[1] for of in rows.values() for row in of.values() if row.interval(METRIC)]
    highest += [b[0] for b in best.values() if b]
    top = max(highest, default=0.1) * 1.05
    step = nice_step(top)
    height = TOP + ROW * len(models) + 44
    width = LABELS + 2 * PANEL + GAP + RIGHT
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
           'font-family="system-ui, sans-serif" font-size="12" role="img">',
           f"<title>NDCG@10 on {escape(about['title'])}</title>",
           f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
           f'<text x="10" y="20" font-size="14" font-weight="600" fill="#1a1a1a">NDCG@10 on {escape(about["title"])}</text>']
    legend = LABELS
    for ties in about["ties"]:
        out.append(f'<circle cx="{legend + 6}" cy="36" r="4" {style(ties)}/>'
                   f'<text x="{legend + 16}" y="40" fill="#333333">{sets.TIES[ties]}</text>')
        legend += 120
    out.append(f'<text x="{legend}" y="40" fill="#777777">line: 95 % interval of the first seed</text>')
    bottom = TOP + ROW * len(models)
    for panel, seen in enumerate(sets.FILTERS):
        left = LABELS + panel * (PANEL + GAP)

        def x(value, left=left):
            return round(left + PANEL * value / top, 1)

        out.append(f'<text x="{left}" y="{TOP - 6}" fill="#1a1a1a" font-weight="600">seen items {seen}</text>')
        value = 0.0
        while value <= top:
            out.append(f'<line x1="{x(value)}" y1="{TOP}" x2="{x(value)}" y2="{bottom}" stroke="#e4e4e4"/>'
                       f'<text x="{x(value)}" y="{bottom + 16}" text-anchor="middle" fill="#555555">{value:.3g}</text>')
            value = round(value + step, 6)
        if best[seen]:
            out.append(f'<line x1="{x(best[seen][0])}" y1="{TOP}" x2="{x(best[seen][0])}" y2="{bottom}" stroke="#777777" '
                       f'stroke-dasharray="4 3"/><text x="{x(best[seen][0])}" y="{bottom + 32}" text-anchor="end" '
                       f'fill="#777777">published: {escape(best[seen][1])} {best[seen][0]:.4f}</text>')
        for at, model in enumerate(models):
            middle = TOP + ROW * at + ROW // 2
            if panel == 0:
                out.append(f'<text x="{LABELS - 10}" y="{middle + 4}" text-anchor="end" fill="#1a1a1a">{escape(model)}</text>')
            for offset, ties in zip((-3, 3), about["ties"]):
                row = rows[ties, seen].get(model)
                if row is None or row.mean(METRIC) is None:
                    continue
                y = middle + (offset if len(about["ties"]) > 1 else 0)
                low, high = row.interval(METRIC)
                out.append(f'<line x1="{x(low)}" y1="{y}" x2="{x(high)}" y2="{y}" stroke="{COLOURS[ties]}" stroke-width="1.5"/>'
                           f'<circle cx="{x(row.mean(METRIC))}" cy="{y}" r="3.5" {style(ties)}/>')
    out.append("</svg>")
    return "\n".join(out) + "\n"


def style(ties):
    fill = COLOURS[ties] if ties == "given" else "#ffffff"
    return f'fill="{fill}" stroke="{COLOURS[ties]}" stroke-width="1.5"'
