"""An organisation's shared contacts: kept once in SQL, served to mail clients."""

from __future__ import annotations

__version__ = "0.1.0"
