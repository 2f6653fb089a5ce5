"""Rates of the encoder for 200 steps, as multiples of the rate of the head.

Tuned at 98 x 98 pixels on a quarter of the 300 training images of
studies/confirm_98.py (docs/selection.md).
"""

rates = {
    'bias': 3.0,
    'gps random': 3.0,
    'gps random unit': 1.0,
    'gps': 1.0,
    'gps decrement': 1.0,
}
