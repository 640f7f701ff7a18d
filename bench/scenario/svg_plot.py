"""A small line plot with a logarithmic x axis, as SVG: what docs show of a series."""

import math

WIDTH, HEIGHT = 560, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 34, 44


def write_plot(path, title: str, x_label: str, y_label: str, series: list[tuple[float, float]]):
    """`series`: x (at least 1) and y (at least 0), in order of x."""
    x_max = max(math.log10(x) for x, _ in series) or 1
    y_max = math.ceil(max(y for _, y in series) * 1.15)

    def place(x: float, y: float) -> tuple[float, float]:
        return (LEFT + math.log10(x) / x_max * (WIDTH - LEFT - RIGHT),
                HEIGHT - BOTTOM - y / y_max * (HEIGHT - TOP - BOTTOM))

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
           f'<text x="{LEFT}" y="20" font-size="14">{title}</text>']
    step = max(1, y_max // 6)
    for y in range(0, y_max + 1, step):
        _, at = place(1, y)
        out.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
                   f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{y}</text>')
    points = [place(x, y) for x, y in series]
    anchors = ["start", *["middle"] * (len(series) - 2), "end"]
    for (x, y), (at_x, at_y), anchor in zip(series, points, anchors):
        out.append(f'<circle cx="{at_x:.1f}" cy="{at_y:.1f}" r="4" fill="#15616d"/>'
                   f'<text x="{at_x:.1f}" y="{at_y - 9:.1f}" text-anchor="{anchor}">{y:.1f}</text>'
                   f'<text x="{at_x:.1f}" y="{HEIGHT - BOTTOM + 17}" '
                   f'text-anchor="{anchor}">{x:g}</text>')
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    out.append(f'<polyline points="{line}" fill="none" stroke="#15616d" stroke-width="2"/>')
    out.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle">{x_label}</text>')
    out.append(f'<text x="14" y="{HEIGHT / 2}" text-anchor="middle" '
               f'transform="rotate(-90 14 {HEIGHT / 2})">{y_label}</text></svg>')
    path.write_text("\n".join(out) + "\n")
