# Copyright (c) gps_seg contributors. Apache-2.0.
"""The look of the page: fonts of the system, no request elsewhere."""

from typing import Any

CSS = """
.gradio-container { max-width: 1240px !important; margin: 0 auto !important; }
.gps-head, .gps-head .html-container, .gps-texts .html-container {
  padding: 0 !important; }
.gps-texts { gap: 6px !important; }
.gps-head h1 { font-size: 1.35rem; margin: 0 0 .15rem; }
.gps-head p { margin: 0; color: var(--body-text-color-subdued); }
.gps-cards .wrap { display: grid; gap: 8px;
  grid-template-columns: repeat(auto-fill, minmax(190px, 1fr)); }
.gps-cards label { align-items: flex-start; height: 100%; }
.gps-cards label span { white-space: pre-line; display: block;
  font-size: .8rem; line-height: 1.35; overflow-wrap: anywhere; }
.gps-cards label span::first-line { font-size: .95rem; font-weight: 600; }
.gps-legend { list-style: none; display: flex; flex-wrap: wrap;
  gap: 4px 18px; margin: 0 !important; padding: 0 !important; }
.gps-legend li { display: flex; align-items: center; gap: 7px; margin: 0; }
.gps-legend span { width: 14px; height: 14px; border-radius: 3px;
  border: 1px solid rgba(0, 0, 0, .35); flex: none; }
.gps-legend .gps-outline { background: white; border: 3px solid #222; }
.gps-legend .gps-score { display: block; }
.gps-legend small { color: var(--body-text-color-subdued); }
.gps-status, .gps-side { margin: 4px 0 0 !important; }
.gps-status { color: var(--body-text-color-subdued); font-size: .88rem; }
.gps-restored::before { content: "\\2713\\00a0"; color: #0a7d43;
  font-weight: 700; }
.gps-message { margin: 0 !important; padding: 8px 12px; border-radius: 6px;
  background: #fff4e0; color: #6b3d00; border: 1px solid #f0c987; }
.gps-pair { display: grid; gap: 6px 24px;
  grid-template-columns: minmax(90px, max-content) 1fr; }
.gps-table { overflow-x: auto; }
.gps-table table { width: 100%; border: 0 !important;
  border-collapse: collapse; font-size: .88rem; }
.gps-table th, .gps-table td { padding: 5px 9px !important;
  word-break: normal !important; overflow-wrap: normal !important;
  border: 0 !important; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--border-color-primary) !important; }
.gps-table .gps-number { text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
@media (max-width: 640px) {
  .gps-cards .wrap { grid-template-columns: 1fr 1fr; }
  .gradio-container { padding: 8px !important; }
}
"""


def theme_of(gradio: Any) -> Any:
    """A theme with the fonts of the system."""
    return gradio.themes.Base(
        primary_hue='blue',
        neutral_hue='slate',
        font=['system-ui', 'sans-serif'],
        font_mono=['ui-monospace', 'monospace'],
    )
