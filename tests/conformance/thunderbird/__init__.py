"""Thunderbird, driven on a display of its own: `driver.py` starts it, `marionette.py` speaks to it."""
