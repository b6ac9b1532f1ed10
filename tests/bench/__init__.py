"""Measurements, not tests: ``make bench`` and ``make bench-ldap``. Nothing here is asserted against a clock."""
