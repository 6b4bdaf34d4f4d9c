"""Small lines over time, one above the other, as SVG: no more than a soak needs."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

WIDTH: Final = 860
HEIGHT: Final = 110
LEFT: Final = 150
PANELS: Final = (
    ("memory, MB", "rss_mb"),
    ("open handles", "handles"),
    ("threads", "threads"),
    ("ack p50, ms", "p50_ms"),
    ("ack p99, ms", "p99_ms"),
    ("outbox, rows waiting", "waiting"),
)


def plot(path: Path, samples: Sequence[dict[str, Any]]) -> None:
    """Draw each of `PANELS` over the minutes, from zero to its most."""
    height = HEIGHT * len(PANELS) + 40
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            'font-family="sans-serif" font-size="12">'
        ),
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for number, (title, key) in enumerate(PANELS):
        parts += _panel(10 + number * HEIGHT, title, samples, key)
    last = samples[-1]["seconds"] / 60
    parts.append(f'<text x="{LEFT}" y="{height - 12}" fill="#555555">0 min</text>')
    parts.append(
        f'<text x="{WIDTH - 20}" y="{height - 12}" fill="#555555" text-anchor="end">'
        f"{last:.0f} min</text>"
    )
    path.write_text("\n".join((*parts, "</svg>", "")))


def _panel(top: int, title: str, samples: Sequence[dict[str, Any]], key: str) -> list[str]:
    values = [float(sample[key]) for sample in samples]
    most, until = max(*values, 1.0), max(float(samples[-1]["seconds"]), 1.0)
    inner = HEIGHT - 24
    points = " ".join(
        f"{LEFT + sample['seconds'] / until * (WIDTH - LEFT - 20):.1f},"
        f"{top + inner - value / most * inner:.1f}"
        for sample, value in zip(samples, values, strict=True)
    )
    right = WIDTH - 20
    return [
        f'<text x="{LEFT - 12}" y="{top + inner / 2}" text-anchor="end">{escape(title)}</text>',
        f'<text x="{LEFT - 12}" y="{top + 10}" text-anchor="end" fill="#555555">{most:g}</text>',
        f'<line x1="{LEFT}" x2="{right}" y1="{top + inner}" y2="{top + inner}" stroke="#bbbbbb"/>',
        f'<polyline fill="none" stroke="#1f5fa8" stroke-width="1.5" points="{points}"/>',
    ]
